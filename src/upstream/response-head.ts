// Owns what of an app's answer reaches the client: end-to-end fields, as received, and what the framing was. Refuses framing that
// it can't pass on truthfully.
import { GatewayError } from '../kernel/errors.ts';
import { isHopByHop, namedByConnection } from '../kernel/hop-by-hop.ts';

export interface ResponseHead {
  readonly headers: string[];
  /** Neither a length nor chunks: only the end of the connection ends the body, and proves nothing. */
  readonly endsByClose: boolean;
  /** The framing promises content where there is none (RFC 9110 §15.3.6): the answer ends here, and its tunnel with it. */
  readonly endsHere: boolean;
}

/** What decides how a response is framed, beside its fields (RFC 9112 §6.3). */
export interface Answered {
  /** Of the request. */
  readonly method: string;
  readonly status: number;
  /** The HTTP version of the app's answer. */
  readonly version: '1.0' | '1.1';
}

const via = { '1.0': '1.0 portal-gateway', '1.1': '1.1 portal-gateway' } as const;

/** Throws GatewayError bad_upstream_response. */
export function responseHead(raw: readonly string[], { method, status, version }: Answered): ResponseHead {
  const headers: string[] = [];
  let named: Set<string> | undefined;
  let length: string | undefined;
  let coding: string | undefined;
  const reset = status === 205 && method !== 'HEAD';
  for (let i = 0; i < raw.length; i += 2) {
    const original = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    const name = original.toLowerCase();
    if (name === 'content-length') {
      length = checkedLength(value, length);
      // RFC 9110 §8.6: not with these, and a client might wait for what never comes.
      if (status < 200 || status === 204 || reset) continue;
    } else if (name === 'transfer-encoding') {
      coding = checkedCoding(value, coding, version);
      continue;
    } else if (name === 'connection') {
      for (const option of namedByConnection(value)) (named ??= new Set()).add(option);
      continue;
      // The id is the gateway's to tell, once.
    } else if (isHopByHop(name) || name === 'x-request-id') continue;
    headers.push(original, value);
  }
  if (length !== undefined && coding !== undefined) throw bad('The length of the app’s answer is told twice.');
  headers.push('Via', via[version]);
  if (reset) headers.push('Content-Length', '0');
  const framed = length !== undefined || coding !== undefined || isBodyless(method, status) || reset;
  return {
    headers: named === undefined ? headers : without(headers, named),
    endsByClose: !framed,
    endsHere: reset && Number(length ?? 'none') !== 0,
  };
}

/** The trailers of an answer that are end-to-end: what frames a message or belongs to its head may not come behind it. */
export function responseTrailers(raw: readonly string[]): string[] {
  const trailers: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const original = raw[i] ?? '';
    const name = original.toLowerCase();
    if (isHopByHop(name) || notInTrailers.has(name)) continue;
    trailers.push(original, raw[i + 1] ?? '');
  }
  return trailers;
}

/** RFC 9110 §6.5.1, as far as it is ours to enforce: framing, routing, and what is told in the head alone. */
const notInTrailers: ReadonlySet<string> = new Set(['content-length', 'trailer', 'host', 'set-cookie', 'x-request-id']);

/** Digits, once, and no more than a number can hold exactly. */
function checkedLength(value: string, before: string | undefined): string {
  if (before !== undefined || !/^\d{1,16}$/.test(value) || !Number.isSafeInteger(Number(value))) {
    throw bad('The length of the app’s answer is no length, or told twice.');
  }
  return value;
}

/** RFC 9112 §6.1: chunked, once, and not in HTTP/1.0. Without its name the body of another coding could not be read. */
function checkedCoding(value: string, before: string | undefined, version: '1.0' | '1.1'): string {
  if (before !== undefined || version === '1.0' || value.trim().toLowerCase() !== 'chunked') {
    throw bad('The app used a transfer coding that the gateway does not know.');
  }
  return value;
}

function bad(detail: string): GatewayError {
  return new GatewayError('bad_upstream_response', detail);
}

/** Statuses without content (RFC 9110 §6.4.1). */
export function isBodyless(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304;
}

/** undici hands out the raw bytes; one latin1 character is one byte. */
export function latin1(raw: readonly Buffer[]): string[] {
  const strings = new Array<string>(raw.length);
  for (let i = 0; i < raw.length; i += 1) strings[i] = raw[i]?.toString('latin1') ?? '';
  return strings;
}

function without(headers: readonly string[], named: ReadonlySet<string>): string[] {
  return headers.filter((_, i) => !named.has((headers[i - (i % 2)] ?? '').toLowerCase()));
}
