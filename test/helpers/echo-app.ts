// An app that responds with the request it received, and raw requests to it through a gateway.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer, text } from 'node:stream/consumers';
import { key, type PlainGateway } from './plain-gateway.ts';

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly string[];
  readonly trailers: readonly string[];
  readonly body: string;
}

/** Responds with the received request as JSON. */
export function show(request: IncomingMessage, response: ServerResponse): void {
  const { method, url, rawHeaders } = request;
  text(request).then(
    (body) => response.end(JSON.stringify({ method, url, headers: rawHeaders, trailers: request.rawTrailers, body })),
    () => response.destroy(),
  );
}

export function valuesOf(headers: readonly string[], name: string): string[] {
  return headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === name);
}

export interface EchoResponse {
  readonly status: number;
  /** Status line and fields. */
  readonly head: string;
  readonly body: string;
  /** The values of a response field. */
  readonly values: (name: string) => string[];
  /** The request as the app received it; throws when the app did not respond. */
  readonly seen: Seen;
  /** The values of one request field as the app received it. */
  readonly saw: (name: string) => string[];
  /** The code of a problem. */
  readonly code: string;
}

/** Sends one request, given by its lines, on a connection of its own with a valid key. */
export async function ask(
  gateway: PlainGateway,
  requestLine: string,
  ...fields: readonly string[]
): Promise<EchoResponse> {
  const lines = [requestLine, ...fields, `X-API-Key: ${key}`, 'Connection: close', '', ''];
  const response = (await buffer(gateway.raw(lines.join('\r\n')))).toString('latin1');
  const end = response.indexOf('\r\n\r\n');
  const head = response.slice(0, end);
  const body = response.slice(end + 4);
  return {
    status: Number(head.split(' ')[1]),
    head,
    body,
    values: (name) => valuesOf(head.split('\r\n').slice(1).flatMap(pair), name),
    get seen() {
      return JSON.parse(body) as Seen;
    },
    saw: (name) => valuesOf((JSON.parse(body) as Seen).headers, name),
    get code() {
      return (JSON.parse(body) as { code: string }).code;
    },
  };
}

function pair(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}
