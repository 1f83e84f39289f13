// Resolves the client's address, scheme and host, believing forwarded headers only from trusted
// proxies. From other senders upstream/request-headers.ts drops them.
import { forwardedElements, type ForwardedElement } from './parse-forwarded.ts';
import { proxyChain, reportedByProxy } from './proxy-chain.ts';
import type { RawHeaders } from '../../kernel/http/http.ts';
import { forwardedFields } from '../../kernel/http/removed-headers.ts';
import { isAuthority } from '../../kernel/net/authority.ts';
import { addressSetSteps } from '../../policy/addresses.ts';
import { compiledInSteps } from '../../policy/compiled.ts';
import { absoluteForm } from '../../route/absolute-form.ts';
import type { Exchange } from '../stage.ts';

const trustedBy = compiledInSteps(({ trustedProxies }) => addressSetSteps(trustedProxies));

/** Runs once per request; later calls do nothing. */
export function resolveClient(exchange: Exchange): void {
  if (exchange.authority !== undefined) return;
  const { req, policy, peerIp } = exchange;
  exchange.authority = authorityOf(exchange);
  if (policy.trustedProxies.length === 0) return;
  const isTrusted = trustedBy(policy);
  if (isTrusted(peerIp)) believe(exchange, fieldsOf(req.headers), isTrusted);
}

/** RFC 9112 §3.2.2: the authority of an absolute-form target overrides Host. */
function authorityOf({ req }: Exchange): string {
  if (!req.target.startsWith('/')) {
    const absolute = absoluteForm(req.method, req.target);
    if (absolute !== undefined) return absolute.authority;
  }
  for (let i = 0; i < req.headers.length; i += 2) {
    const name = req.headers[i] ?? '';
    if (name.length === 4 && name.toLowerCase() === 'host') return req.headers[i + 1] ?? '';
  }
  return '';
}

/** Whether the request was sent by one of `gateway.trusted_proxies`. */
export function isFromTrustedProxy({ policy, peerIp }: Pick<Exchange, 'policy' | 'peerIp'>): boolean {
  return policy.trustedProxies.length > 0 && trustedBy(policy)(peerIp);
}

type Field = (typeof forwardedFields)[number];
type Fields = Readonly<Record<Field, string>>;

/** Several lines of one field form one list (RFC 9110 §5.3). */
function fieldsOf(headers: RawHeaders): Fields {
  const fields = Object.fromEntries(forwardedFields.map((field) => [field, ''])) as Record<Field, string>;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]?.toLowerCase() ?? '';
    if (!Object.hasOwn(fields, name)) continue;
    const before = fields[name as Field];
    fields[name as Field] = before === '' ? (headers[i + 1] ?? '') : `${before}, ${headers[i + 1] ?? ''}`;
  }
  return fields;
}

/**
 * Most proxies write X-Forwarded-* and forward a `Forwarded` that they do not know. So each
 * X-Forwarded-* field overrides its counterpart in `Forwarded`; otherwise a client could spoof it
 * through such a proxy.
 */
function believe(exchange: Exchange, fields: Fields, isTrusted: (address: string) => boolean): void {
  const legacy = fields['x-forwarded-for'] !== '';
  const elements = legacy ? noElements : forwardedElements(fields.forwarded);
  const named = legacy ? listOf(fields['x-forwarded-for']) : elements.map((element) => element.for);
  const { clientIp, proxies } = proxyChain(exchange.peerIp, named, isTrusted);
  exchange.clientIp = clientIp;
  exchange.proxies = proxies;

  const element = reportedByProxy(elements, proxies.length);
  const reported = (field: Field, counterpart = ''): string =>
    fields[field] === '' ? counterpart : (reportedByProxy(listOf(fields[field]), proxies.length) ?? '');
  const scheme = schemeOf(reported('x-forwarded-proto', element?.proto));
  if (scheme !== undefined) exchange.scheme = scheme;
  const host = reported('x-forwarded-host', element?.host);
  if (isAuthority(host)) exchange.authority = host;
  const prefix = withoutSlashes(reported('x-forwarded-prefix'));
  if (outerPath.test(prefix)) exchange.outerPrefix = prefix;
}

const noElements: readonly ForwardedElement[] = [];

/**
 * A path that starts with a single slash, without characters that would end it in a header or a
 * cookie.
 */
const outerPath = /^(?:\/[\w.~!$&'()*+=:@%-]+)+$/;

/** Removes trailing slashes. */
function withoutSlashes(path: string): string {
  let end = path.length;
  while (end > 0 && path[end - 1] === '/') end -= 1;
  return path.slice(0, end);
}

function listOf(value: string): string[] {
  return value.split(',').map((item) => item.trim());
}

/** Some proxies send the scheme of the WebSocket. */
function schemeOf(proto: string): 'http' | 'https' | undefined {
  switch (proto.toLowerCase()) {
    case 'https':
    case 'wss':
      return 'https';
    case 'http':
    case 'ws':
      return 'http';
    default:
      return undefined;
  }
}
