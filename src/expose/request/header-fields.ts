// Encodes the heads that the app and the caller read: end-to-end fields as received, in their order and spelling, without hop-by-hop
// fields (RFC 9110 §7.6.1). One pass without checks, because names and values come from strict readers.
import { STATUS_CODES } from 'node:http';
import { isHopByHop, namedByConnection } from '../../kernel/http/hop-by-hop.ts';
import { emptyBodyIsAnnounced, type RawHeaders } from '../../kernel/http/http.ts';
import { isDisguised, isMethodOverride, isRemoved, isWrittenByGateway } from '../../kernel/http/removed-headers.ts';
import type { TunnelRequestHead } from './request-head.ts';

const methodsWithoutContent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/**
 * The connection to the app ends behind this request: an app that ignores content where it has no defined meaning would read it as
 * the next request, with whatever identity it claims (RFC 9110 §9.3.1).
 */
export function isLastOnConnection({ method, lengthBytes }: TunnelRequestHead): boolean {
  return lengthBytes !== 'none' && methodsWithoutContent.has(method);
}

/** if-chunked: the field passes only with a chunked body, which can have trailers. */
type Forwarding = 'pass' | 'drop' | 'if-chunked';

/** A cache by the name as spelled: callers send the same names again and again. */
const forwardings = new Map<string, Forwarding>();
const maxCachedNames = 2_000;
const maxCachedNameCharacters = 64;

function forwardingOf(name: string): Forwarding {
  const known = forwardings.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  let forwarding: Forwarding = 'pass';
  // The gateway writes identity headers with dashes alone: in other spellings, which many apps cannot tell from these, they come from
  // a client that dialled the lease itself.
  if (lower === 'host' || isHopByHop(lower) || isDisguised(lower) || isDisguisedFraming(lower)) forwarding = 'drop';
  else if (lower === 'trailer') forwarding = 'if-chunked';
  // A copy, because the name shares the memory of its whole head.
  if (name.length <= maxCachedNameCharacters && forwardings.size < maxCachedNames) {
    forwardings.set(Buffer.from(name).toString(), forwarding);
  }
  return forwarding;
}

/** Whether apps that cannot tell `_` from `-` may read this name as framing: `Content_Length` and the like. */
function isDisguisedFraming(lower: string): boolean {
  if (!/[^a-z0-9-]/.test(lower)) return false;
  const dashed = lower.replaceAll(/[^a-z0-9]/g, '-');
  return dashed === 'content-length' || isHopByHop(dashed);
}

/** The head for the app, as bytes. `host`: replaces the caller's. */
export function appRequestHead(request: TunnelRequestHead, host: string): Buffer {
  const { method, target, version, headers, lengthBytes, offeredProtocols } = request;
  const chunked = lengthBytes === null;
  const named = namedFields(headers);
  let head = `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n`;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const forwarding = forwardingOf(name);
    if (forwarding === 'drop' || (forwarding === 'if-chunked' && !chunked)) continue;
    if (named !== undefined && isNamed(named, name.toLowerCase())) continue;
    // Of 0: sent where apps wait for a length; some refuse any with a request to switch protocols.
    if (lengthBytes === 'none' && name.length === 14 && name.toLowerCase() === 'content-length') continue;
    head += `${name}: ${headers[i + 1] ?? ''}\r\n`;
  }
  // RFC 9110 §7.6.3.
  head += version === '1.1' ? 'Via: 1.1 portal-expose\r\n' : 'Via: 1.0 portal-expose\r\n';
  if (chunked) head += 'Transfer-Encoding: chunked\r\n';
  else if (lengthBytes === 'none' && emptyBodyIsAnnounced.has(method)) head += 'Content-Length: 0\r\n';
  if (offeredProtocols !== '') head += `Connection: Upgrade\r\nUpgrade: ${offeredProtocols}\r\n\r\n`;
  else head += isLastOnConnection(request) ? 'Connection: close\r\n\r\n' : 'Connection: keep-alive\r\n\r\n';
  return Buffer.from(head, 'latin1');
}

/** Whether Connection names the field. It cannot remove fields of the gateway about the caller, such as the assertion. */
function isNamed(named: ReadonlySet<string>, lower: string): boolean {
  return named.has(lower) && !isWrittenByGateway(lower);
}

export interface ResponseHeadOptions {
  /** The content is chunked; otherwise the response's Content-Length or the end of the connection delimits it. */
  readonly chunked: boolean;
  /** Trailers may follow the content. */
  readonly trailers: boolean;
  /** Field lines to add, such as Connection, each with its CRLF. */
  readonly more: string;
}

/** The head for the caller. The reason phrase is the registered one, because clients ignore it (RFC 9112 §4). */
export function callerResponseHead(
  status: number,
  headers: RawHeaders,
  { chunked, trailers, more }: ResponseHeadOptions,
): string {
  const named = namedFields(headers);
  // RFC 9110 §8.6, §15.3.6: no length with these, or none but 0.
  const withoutLength = status < 200 || status === 204 || status === 205;
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const lower = name.toLowerCase();
    // RFC 7838 §2: alternatives for the app's own origin, which is not the one that the caller calls.
    if (isHopByHop(lower) || lower === 'alt-svc' || named?.has(lower) === true) continue;
    if ((lower === 'content-length' && withoutLength) || (lower === 'trailer' && !trailers)) continue;
    head += `${name}: ${headers[i + 1] ?? ''}\r\n`;
  }
  if (status === 205) head += 'Content-Length: 0\r\n';
  if (chunked) head += 'Transfer-Encoding: chunked\r\n';
  return `${head}${more}\r\n`;
}

/** Trailers of a request, without identity headers and method overrides. */
export function requestTrailers(raw: RawHeaders): RawHeaders {
  return trailersWithout(raw, (name) => isRemoved(name) || isMethodOverride(name));
}

/** Trailers of a response, without fields that must not be trailers (RFC 9110 §6.5.1). */
export function responseTrailers(raw: RawHeaders): RawHeaders {
  return trailersWithout(raw, () => false);
}

const notInTrailers: ReadonlySet<string> = new Set(['content-length', 'host', 'trailer']);

function trailersWithout(raw: RawHeaders, isDropped: (name: string) => boolean): RawHeaders {
  const kept: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const lower = name.toLowerCase();
    if (isHopByHop(lower) || notInTrailers.has(lower) || isDropped(lower)) continue;
    kept.push(name, raw[i + 1] ?? '');
  }
  return kept;
}

/** The fields, in lower case, that Connection makes hop-by-hop; undefined for none. */
function namedFields(headers: RawHeaders): Set<string> | undefined {
  let named: Set<string> | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue;
    for (const option of namedByConnection(headers[i + 1] ?? '')) (named ??= new Set()).add(option);
  }
  return named;
}
