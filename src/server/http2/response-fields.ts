// Converts header fields of a response to HTTP/2: removes connection-specific fields (RFC 9113
// §8.2.2) and those of a body that does not exist. Node itself converts names to lower case.
import type { OutgoingHttpHeaders } from 'node:http2';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import type { RawHeaders } from '../../kernel/http/http.ts';
import { trimOws } from '../../kernel/http/ows.ts';
import { responseLength } from '../response-sink.ts';

export interface ResponseFields {
  /** For Node's respond(), as a list, which keeps order and duplicates. */
  readonly fields: OutgoingHttpHeaders;
  /** From Content-Length; -1: unknown. */
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

/**
 * Throws GatewayError bad_upstream_response. `bodyless`: there is no content, and so there are no
 * trailers.
 */
export function responseFields(status: number, headers: RawHeaders, bodyless: boolean): ResponseFields {
  if (status > 599)
    throw new GatewayError('bad_upstream_response', 'The app’s response has a status that HTTP does not have.');
  const fields: (string | number)[] = [':status', status];
  let lengthBytes = -1;
  let trailerAt = -1;
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase();
    if (connectionFields.has(name)) continue;
    if (name === 'content-length') {
      // RFC 9110 §8.6: no Content-Length with 204. §15.3.6: with 205 it is 0.
      if (status === 204 || status === 205) continue;
      lengthBytes = responseLength(headers[i + 1] ?? '', lengthBytes);
    } else if (name === 'trailer') trailerAt = fields.length;
    fields.push(name, headers[i + 1] ?? '');
  }
  if (status === 205) fields.push('content-length', '0');
  // A response with a known length is sent without trailers.
  if (trailerAt !== -1 && (bodyless || lengthBytes !== -1)) fields.splice(trailerAt, 2);
  return { fields: fields as unknown as OutgoingHttpHeaders, lengthBytes };
}

/**
 * RFC 9113 §8.2.1: a field value with surrounding whitespace makes the request malformed.
 * Recipients that trim it and those that do not would see different requests. Undefined: no such
 * field.
 */
export function paddedFieldFault(fields: RawHeaders): GatewayError | undefined {
  for (let i = 1; i < fields.length; i += 2) {
    const value = fields[i] ?? '';
    if (trimOws(value) !== value)
      return new GatewayError('invalid_request', 'The value of a field begins or ends with whitespace.');
  }
  return undefined;
}

/** RFC 8441 §5.1: a successful response to CONNECT omits the fields of the HTTP/1.1 handshake. */
export function tunnelFields(headers: RawHeaders): OutgoingHttpHeaders {
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase();
    if (name !== 'sec-websocket-accept' && name !== 'content-length') kept.push(name, headers[i + 1] ?? '');
  }
  return responseFields(200, kept, true).fields;
}

/** For Node functions that accept only an object: a repeated name becomes a list. */
export function fieldsObject(headers: RawHeaders): OutgoingHttpHeaders {
  const fields = Object.create(null) as Record<string, string[]>;
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase();
    if (!connectionFields.has(name)) (fields[name] ??= []).push(headers[i + 1] ?? '');
  }
  return fields;
}
