// What the fields of a response head say about the message and its connection: framing (RFC 9112 §6), persistence (RFC 9112 §9.3),
// Keep-Alive and Upgrade. Decides nothing by itself.
import { trimOws } from '../kernel/ows.ts';
import { ResponseError } from './response-error.ts';

/** Digits that a length may have; more would be no safe integer. */
const maxLengthDigits = 16;

export interface ControlFields {
  /** Content-Length in bytes. */
  lengthBytes: number | undefined;
  chunked: boolean;
  /** Options of Connection. */
  close: boolean;
  keepAlive: boolean;
  upgrade: boolean;
  /** Values of Upgrade, joined. */
  protocols: string | undefined;
  /** `timeout` of Keep-Alive, in seconds. */
  keepAliveSeconds: number | undefined;
}

/**
 * Throws ResponseError bad_framing for lengths and codings that two readers could understand differently: a repeated or malformed
 * Content-Length, any coding but one `chunked`, a coding in HTTP/1.0, or both (RFC 9112 §6.1, §6.3).
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
    switch (name.length) {
      case 7:
        if (isNamed(name, 'upgrade')) fields.protocols = joined(fields.protocols, headers[i + 1] ?? '');
        break;
      case 10:
        if (isNamed(name, 'connection')) addOptions(fields, headers[i + 1] ?? '');
        else if (isNamed(name, 'keep-alive')) fields.keepAliveSeconds = timeoutOf(headers[i + 1] ?? '');
        break;
      case 14:
        if (!isNamed(name, 'content-length')) break;
        if (fields.lengthBytes !== undefined) throw new ResponseError('bad_framing');
        fields.lengthBytes = lengthOf(headers[i + 1] ?? '');
        break;
      case 16:
        // No standard field (RFC 9112 Appendix C.2.2), but some peers mean it.
        if (isNamed(name, 'proxy-connection') && optionsOf(headers[i + 1] ?? '').includes('close')) fields.close = true;
        break;
      case 17:
        if (!isNamed(name, 'transfer-encoding')) break;
        if (fields.chunked || version === '1.0' || !isNamed(headers[i + 1] ?? '', 'chunked')) {
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

/** Throws ResponseError bad_trailer for a Content-Length behind the body (RFC 9110 §6.5.1). */
export function checkTrailers(trailers: readonly string[]): void {
  for (let i = 0; i < trailers.length; i += 2) {
    if (isNamed(trailers[i] ?? '', 'content-length')) throw new ResponseError('bad_trailer');
  }
}

function isNamed(name: string, lower: string): boolean {
  return name === lower || (name.length === lower.length && name.toLowerCase() === lower);
}

function joined(before: string | undefined, value: string): string {
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

function addOptions(fields: ControlFields, value: string): void {
  for (const option of optionsOf(value)) {
    if (option === 'close') fields.close = true;
    else if (option === 'keep-alive') fields.keepAlive = true;
    else if (option === 'upgrade') fields.upgrade = true;
  }
}

function optionsOf(value: string): string[] {
  return value
    .toLowerCase()
    .split(',')
    .map(trimOws);
}

/** Undefined for what is no whole number of seconds. The field has no current specification; RFC 2068 §19.7.1.1 is the last. */
function timeoutOf(value: string): number | undefined {
  const digits = /(?:^|[,;])[ \t]*timeout[ \t]*=[ \t]*"?(\d{1,9})(?!\d)/i.exec(value)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
