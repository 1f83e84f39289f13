// Decides from status, request and fields how a response is framed (RFC 9112 §6.3), and whether its connection may be used again
// (RFC 9112 §9.3).
import type { ControlFields } from './control-fields.ts';
import type { BodyFraming } from './response.ts';

const none: BodyFraming = { kind: 'none' };
const chunkedFraming: BodyFraming = { kind: 'chunked' };
const close: BodyFraming = { kind: 'close' };

/** `method` is that of the request, not CONNECT. */
export function framingOf(method: string, status: number, { lengthBytes, chunked }: ControlFields): BodyFraming {
  // RFC 9112 §6.3 rule 1; RFC 9110 §15.3.6 for 205.
  if (status < 200 || status === 204 || status === 205 || status === 304 || method === 'HEAD') return none;
  if (chunked) return chunkedFraming;
  return lengthBytes === undefined ? close : { kind: 'length', bytes: lengthBytes };
}

/**
 * False as well after a 204 or 205 that announces content, and after a 205 without a length: they have none, but bytes of it may
 * follow, and the next response would begin with them.
 */
export function isPersistent(
  method: string,
  status: number,
  version: '1.0' | '1.1',
  { close: closes, keepAlive, chunked, lengthBytes }: ControlFields,
): boolean {
  if (closes || (version === '1.0' && !keepAlive)) return false;
  if (method === 'HEAD' || status === 304 || status < 200) return true;
  if (status === 204) return !chunked && (lengthBytes ?? 0) === 0;
  if (status === 205) return lengthBytes === 0;
  return chunked || lengthBytes !== undefined;
}
