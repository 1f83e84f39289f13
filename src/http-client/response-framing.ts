// Decides from request, status and fields how a response is framed (RFC 9112 §6.3), whether its
// connection may be reused (RFC 9112 §9.3), and whether a 101 switches to a protocol that the
// request offered (RFC 9110 §7.8).
import { isBodyless } from '../kernel/http/http.ts';
import { isOffered } from '../kernel/http/upgrade-protocols.ts';
import { controlFields, type ControlFields } from './control-fields.ts';
import { ResponseError } from './malformed-response.ts';
import type { BodyFraming, ExpectedResponse, ResponseHead } from './response.ts';

const none: BodyFraming = { kind: 'none' };
const chunkedFraming: BodyFraming = { kind: 'chunked' };
const close: BodyFraming = { kind: 'close' };

/** The parts of a head as sent. */
export interface RawHead {
  readonly status: number;
  readonly version: '1.0' | '1.1';
  readonly headers: string[];
}

/**
 * Throws ResponseError bad_framing; unoffered_upgrade for a 101 to a protocol that was not offered;
 * and bad_informational for any other 1xx that closes the connection, since no final response could
 * follow (RFC 9112 §9.6), or that is HTTP/1.0, which has no interim responses (RFC 9110 §15.2).
 */
export function responseHead(
  { status, version, headers }: RawHead,
  { method, offeredProtocols }: ExpectedResponse,
): ResponseHead {
  const control = controlFields(headers, version);
  const persistent = isPersistent(method, status, version, control);
  if (status === 101) {
    const isSwitch = control.upgrade && isOffered(control.protocols, offeredProtocols);
    if (!isSwitch) throw new ResponseError('unoffered_upgrade');
  } else if (status < 200 && (version === '1.0' || !persistent)) throw new ResponseError('bad_informational');
  const framing = framingOf(method, status, control);
  return { status, version, headers, framing, persistent, keepAliveSeconds: control.keepAliveSeconds };
}

function framingOf(method: string, status: number, { lengthBytes, chunked }: ControlFields): BodyFraming {
  // RFC 9112 §6.3 rule 1; RFC 9110 §15.3.6 for 205.
  if (status < 200 || status === 205 || isBodyless(method, status)) return none;
  if (chunked) return chunkedFraming;
  return lengthBytes === undefined ? close : { kind: 'length', bytes: lengthBytes };
}

/**
 * Also false after a 204 or 205 that announces content, and after a 205 without a length: such
 * content may nevertheless follow and would be read as the start of the next response.
 */
function isPersistent(
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
