// Parses the fields of a response head that control the message and its connection: framing
// (RFC 9112 §6), persistence (RFC 9112 §9.3), Keep-Alive and Upgrade. response-framing.ts draws the
// conclusions.
import { trimOws } from '../kernel/http/ows.ts';
import { ResponseError } from './malformed-response.ts';

/** Maximum digits of a Content-Length; a longer one would not be a safe integer. */
const maxLengthDigits = 16;

/** Options of Connection (RFC 9110 §7.6.1) that concern the connection itself. */
export interface ConnectionOptions {
  close: boolean;
  keepAlive: boolean;
  upgrade: boolean;
}

export interface ControlFields extends ConnectionOptions {
  /** Content-Length in bytes. */
  lengthBytes: number | undefined;
  chunked: boolean;
  /** Values of Upgrade, joined. */
  protocols: string | undefined;
  /** `timeout` of Keep-Alive, in seconds. */
  keepAliveSeconds: number | undefined;
}

/**
 * Throws ResponseError bad_framing for lengths and codings that two readers could interpret
 * differently: a repeated or malformed Content-Length, any coding other than a single `chunked`, a
 * coding in HTTP/1.0, or both a length and a coding (RFC 9112 §6.1, §6.3).
 */
export function controlFields(headers: readonly string[], version: '1.0' | '1.1'): ControlFields {
  const fields: ControlFields = {
    lengthBytes: undefined,
    chunked: false,
    close: false,
    keepAlive: false,
    upgrade: false,
    protocols: undefined,
    keepAliveSeconds: undefined,
  };
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    // By length first: most names need no further comparison.
    switch (name.length) {
      case 7:
        if (isNamed(name, 'Upgrade', 'upgrade')) fields.protocols = joined(fields.protocols, headers[i + 1] ?? '');
        break;
      case 10:
        if (isNamed(name, 'Connection', 'connection')) addOptions(fields, headers[i + 1] ?? '');
        else if (isNamed(name, 'Keep-Alive', 'keep-alive')) fields.keepAliveSeconds = timeoutOf(headers[i + 1] ?? '');
        break;
      case 14:
        if (!isNamed(name, 'Content-Length', 'content-length')) break;
        if (fields.lengthBytes !== undefined) throw new ResponseError('bad_framing');
        fields.lengthBytes = lengthOf(headers[i + 1] ?? '');
        break;
      case 16:
        // Not a standard field (RFC 9112 Appendix C.2.2), but some peers send it to close the
        // connection.
        if (!isNamed(name, 'Proxy-Connection', 'proxy-connection')) break;
        if (optionsOf(headers[i + 1] ?? '').includes('close')) fields.close = true;
        break;
      case 17:
        if (!isNamed(name, 'Transfer-Encoding', 'transfer-encoding')) break;
        if (fields.chunked || version === '1.0' || !isNamed(headers[i + 1] ?? '', 'chunked', 'chunked')) {
          throw new ResponseError('bad_framing');
        }
        fields.chunked = true;
        break;
      default:
    }
  }
  if (fields.chunked && fields.lengthBytes !== undefined) throw new ResponseError('bad_framing');
  return fields;
}

/** Throws ResponseError bad_trailer for a Content-Length among the trailers (RFC 9110 §6.5.1). */
export function checkTrailers(trailers: readonly string[]): void {
  for (let i = 0; i < trailers.length; i += 2) {
    if (isNamed(trailers[i] ?? '', 'Content-Length', 'content-length')) throw new ResponseError('bad_trailer');
  }
}

/** `usual`: the common spelling, compared first because it needs no lower-casing. */
function isNamed(name: string, usual: string, lower: string): boolean {
  return name === usual || name === lower || (name.length === lower.length && name.toLowerCase() === lower);
}

/** The values of a repeated field as one list (RFC 9110 §5.3). */
export function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`;
}

function lengthOf(value: string): number {
  if (value.length === 0 || value.length > maxLengthDigits) throw new ResponseError('bad_framing');
  let bytes = 0;
  for (let i = 0; i < value.length; i += 1) {
    const digit = value.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) throw new ResponseError('bad_framing');
    bytes = bytes * 10 + digit;
  }
  if (!Number.isSafeInteger(bytes)) throw new ResponseError('bad_framing');
  return bytes;
}

/** Adds the options that one value of Connection names. */
export function addOptions(options: ConnectionOptions, value: string): void {
  if (value === 'keep-alive') options.keepAlive = true;
  else if (value === 'close') options.close = true;
  else {
    const named = optionsOf(value);
    if (named.includes('close')) options.close = true;
    if (named.includes('keep-alive')) options.keepAlive = true;
    if (named.includes('upgrade')) options.upgrade = true;
  }
}

function optionsOf(value: string): string[] {
  return value.toLowerCase().split(',').map(trimOws);
}

/**
 * Undefined unless the timeout is a whole number of seconds. RFC 2068 §19.7.1.1 is the last
 * specification of the field. Nearly all peers write `timeout=5` or `timeout=5, max=100`, which is
 * parsed without a regular expression.
 */
function timeoutOf(value: string): number | undefined {
  if (value.startsWith('timeout=')) {
    let seconds = 0;
    let at = 'timeout='.length;
    for (; at < value.length; at += 1) {
      const digit = value.charCodeAt(at) - 0x30;
      if (digit < 0 || digit > 9) break;
      seconds = seconds * 10 + digit;
    }
    const end = value[at];
    if (at > 'timeout='.length && (end === undefined || end === ',')) return seconds < 1e9 ? seconds : undefined;
  }
  const digits = /(?:^|[,;])[ \t]*timeout[ \t]*=[ \t]*"?(\d{1,9})(?!\d)/i.exec(value)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
