// Owns what the fields of an answer are in HTTP/2: the same ones, without those that speak of a connection (RFC 9113 §8.2.2) or of a
// body that there isn't. Node writes names in lower case by itself.
import type { OutgoingHttpHeaders } from 'node:http2';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import type { RawHeaders } from '../../kernel/http/http.ts';
import { trimOws } from '../../kernel/http/ows.ts';

export interface ResponseFields {
  /** For Node's respond(), in its form of a list, which keeps order and duplicates. */
  readonly fields: OutgoingHttpHeaders;
  /** By Content-Length; -1: not known. */
  readonly lengthBytes: number;
}

const connectionFields: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** Throws GatewayError bad_upstream_response. `bodyless`: there is no content, so no place for trailers either. */
export function answerFields(status: number, headers: RawHeaders, bodyless: boolean): ResponseFields {
  if (status > 599)
    throw new GatewayError('bad_upstream_response', 'The app’s answer has a status that HTTP does not.');
  const fields: (string | number)[] = [':status', status];
  let lengthBytes = -1;
  let trailerAt = -1;
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase();
    if (connectionFields.has(name)) continue;
    if (name === 'content-length') {
      // RFC 9110 §8.6: none with 204. §15.3.6: with 205 it is 0.
      if (status === 204 || status === 205) continue;
      lengthBytes = checkedLength(headers[i + 1] ?? '', lengthBytes);
    } else if (name === 'trailer') trailerAt = fields.length;
    fields.push(name, headers[i + 1] ?? '');
  }
  if (status === 205) fields.push('content-length', '0');
  // What has a length of its own is sent without.
  if (trailerAt !== -1 && (bodyless || lengthBytes !== -1)) fields.splice(trailerAt, 2);
  return { fields: fields as unknown as OutgoingHttpHeaders, lengthBytes };
}

/**
 * RFC 9113 §8.2.1: a request whose field has whitespace around its value is malformed; a reader that trims it and one that does not
 * would see two requests. Undefined: no such field.
 */
export function paddedFieldFault(fields: RawHeaders): GatewayError | undefined {
  for (let i = 1; i < fields.length; i += 2) {
    const value = fields[i] ?? '';
    if (trimOws(value) !== value)
      return new GatewayError('invalid_request', 'The value of a field begins or ends with whitespace.');
  }
  return undefined;
}

/** RFC 8441 §5.1: the answer to a CONNECT that is granted says nothing of the handshake of HTTP/1.1. */
export function tunnelFields(headers: RawHeaders): OutgoingHttpHeaders {
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase();
    if (name !== 'sec-websocket-accept' && name !== 'content-length') kept.push(name, headers[i + 1] ?? '');
  }
  return answerFields(200, kept, true).fields;
}

/** For what Node takes as an object only: a name that comes again becomes a list. */
export function fieldsObject(headers: RawHeaders): OutgoingHttpHeaders {
  const fields = Object.create(null) as Record<string, string[]>;
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase();
    if (!connectionFields.has(name)) (fields[name] ??= []).push(headers[i + 1] ?? '');
  }
  return fields;
}

function checkedLength(value: string, before: number): number {
  const length = Number(value);
  if (before === -1 && Number.isSafeInteger(length) && length >= 0) return length;
  throw new GatewayError('bad_upstream_response', 'The length of the app’s answer is ambiguous.');
}
