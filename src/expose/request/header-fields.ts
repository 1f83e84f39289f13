// Encodes the heads sent to the app and to the caller: end-to-end fields as received, in their
// order and spelling, without hop-by-hop fields (RFC 9110 §7.6.1). A single pass without checks,
// because strict readers have validated the names and values.
import { isHopByHop, namedByConnection } from '../../kernel/http/hop-by-hop.ts';
import { methodsWithAnnouncedEmptyBody, type RawHeaders } from '../../kernel/http/http.ts';
import { isDisguised, isMethodOverride, isRemoved, isWrittenByGateway } from '../../kernel/http/removed-headers.ts';
import type { TunnelRequestHead } from './check-request-head.ts';
import { STATUS_CODES } from '../../kernel/net/node-http.ts';

const methodsWithoutContent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/**
 * True if the connection to the app must end after this request. An app that ignores content where
 * it has no defined meaning would read it as the next request, with whatever identity it claims
 * (RFC 9110 §9.3.1).
 */
export function isLastOnConnection({ method, lengthBytes }: TunnelRequestHead): boolean {
  return lengthBytes !== 'none' && methodsWithoutContent.has(method);
}

/** if-chunked: the field is forwarded only with a chunked body, which can have trailers. */
type Forwarding = 'pass' | 'drop' | 'if-chunked';

/** Cache keyed by the name as spelled, because callers send the same names repeatedly. */
const forwardings = new Map<string, Forwarding>();
const maxCachedNames = 2_000;
const maxCachedNameCharacters = 64;

function forwardingOf(name: string): Forwarding {
  const known = forwardings.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  let forwarding: Forwarding = 'pass';
  // The gateway writes identity headers only with dashes. Other spellings, which many apps cannot
  // distinguish, come from a client that dialled the lease directly.
  if (lower === 'host' || isHopByHop(lower) || isDisguised(lower) || isDisguisedFraming(lower)) forwarding = 'drop';
  else if (lower === 'trailer') forwarding = 'if-chunked';
  // Copied, because the name shares memory with its whole head.
  if (name.length <= maxCachedNameCharacters && forwardings.size < maxCachedNames) {
    forwardings.set(Buffer.from(name).toString(), forwarding);
  }
  return forwarding;
}

/**
 * Whether apps that treat `_` like `-` may read this name as a framing field, such as
 * `Content_Length`.
 */
function isDisguisedFraming(lower: string): boolean {
  if (!/[^a-z0-9-]/.test(lower)) return false;
  const dashed = lower.replaceAll(/[^a-z0-9]/g, '-');
  return dashed === 'content-length' || isHopByHop(dashed);
}

/** Encodes the head for the app. `host`: replaces the caller's. */
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
    // A Content-Length of 0 is sent only where apps expect a length; some reject any length with an
    // upgrade request.
    if (lengthBytes === 'none' && name.length === 14 && name.toLowerCase() === 'content-length') continue;
    head += `${name}: ${headers[i + 1] ?? ''}\r\n`;
  }
  // RFC 9110 §7.6.3.
  head += version === '1.1' ? 'Via: 1.1 portal-expose\r\n' : 'Via: 1.0 portal-expose\r\n';
  if (chunked) head += 'Transfer-Encoding: chunked\r\n';
  else if (lengthBytes === 'none' && methodsWithAnnouncedEmptyBody.has(method)) head += 'Content-Length: 0\r\n';
  if (offeredProtocols !== '') head += `Connection: Upgrade\r\nUpgrade: ${offeredProtocols}\r\n\r\n`;
  else head += isLastOnConnection(request) ? 'Connection: close\r\n\r\n' : 'Connection: keep-alive\r\n\r\n';
  return Buffer.from(head, 'latin1');
}

/**
 * Whether Connection names the field. Fields that the gateway writes about the caller, such as the
 * assertion, cannot be removed this way.
 */
function isNamed(named: ReadonlySet<string>, lower: string): boolean {
  return named.has(lower) && !isWrittenByGateway(lower);
}

export interface ResponseHeadOptions {
  /**
   * The content is chunked; otherwise the response's Content-Length or the end of the connection
   * delimits it.
   */
  readonly chunked: boolean;
  /** Trailers may follow the content. */
  readonly trailers: boolean;
  /** Additional field lines such as Connection, each with its CRLF. */
  readonly more: string;
}

/**
 * Encodes the head for the caller. Uses the registered reason phrase, because clients ignore it
 * (RFC 9112 §4).
 */
export function callerResponseHead(
  status: number,
  headers: RawHeaders,
  { chunked, trailers, more }: ResponseHeadOptions,
): string {
  const named = namedFields(headers);
  // RFC 9110 §8.6, §15.3.6: these statuses allow no Content-Length, or only 0.
  const withoutLength = status < 200 || status === 204 || status === 205;
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const lower = name.toLowerCase();
    // RFC 7838 §2: the alternatives are for the app's own origin, which is not the origin that the
    // caller uses.
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

/** The lower-case fields that Connection makes hop-by-hop; undefined if there are none. */
function namedFields(headers: RawHeaders): Set<string> | undefined {
  let named: Set<string> | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue;
    for (const option of namedByConnection(headers[i + 1] ?? '')) (named ??= new Set()).add(option);
  }
  return named;
}
