// Building blocks for rows: the common requests, responses and expectations, so that a row shows
// only what is special about it.
import type { ExpectedResponse, AppSide, ClientSide, Row, Seen } from './row.ts';

const crlf = '\r\n';

/** Joins the lines of a head, each ended by CRLF, and adds the empty line. */
export function head(...lines: readonly string[]): string {
  return lines.map((line) => line + crlf).join('') + crlf;
}

/** A request to the row's lease in path mode. */
export function get(path = '/', ...headers: readonly string[]): string {
  return request('GET', path, ...headers);
}

export function request(method: string, path: string, ...headers: readonly string[]): string {
  return head(`${method} /peer/@app${path} HTTP/1.1`, 'Host: gw.test', 'X-API-Key: @key', ...headers);
}

/** A POST request framed by the given headers, or by Content-Length when they do not frame it. */
export function post(body: string, ...headers: readonly string[]): string {
  const framed = headers.some((line) => /^(content-length|transfer-encoding)\b/i.test(line));
  return request('POST', '/', ...headers, ...(framed ? [] : [`Content-Length: ${body.length}`])) + body;
}

/** The text as one chunk. */
export function chunk(text: string): string {
  return `${text.length.toString(16)}${crlf}${text}${crlf}`;
}

export const lastChunk = '0\r\n\r\n';

/** A response of the app. */
export function response(status: string, body: string, ...headers: readonly string[]): string {
  return head(`HTTP/1.1 ${status}`, `Content-Length: ${body.length}`, ...headers) + body;
}

export const ok: string = response('200 OK', 'ok');

/** The app receives one request and responds to it. */
export function app(
  sees: Seen | string,
  responses: AppSide['responses'][number] = ok,
  more: Partial<AppSide> = {},
): AppSide {
  return { sees: [typeof sees === 'string' ? { line: sees } : sees], responses: [responses], ...more };
}

/** The client receives the app's `ok`. */
export const receivesOk: ClientSide = { responses: [{ status: 200, body: 'ok' }], then: 'open' };

export function receives(response: ExpectedResponse, then: ClientSide['then'] = 'open'): ClientSide {
  return { responses: [response], then };
}

/** A problem that closes the connection, because the end of the faulty request is unknown. */
export function refused(status: number, code: string, ...added: readonly string[]): ClientSide {
  return { responses: [{ status, problem: code, added }], then: 'closed' };
}

/** A problem after which the connection stays open. */
export function problem(status: number, code: string, ...added: readonly string[]): ClientSide {
  return { responses: [{ status, problem: code, added }], then: 'open' };
}

/** 400 invalid_request, the connection closed, nothing forwarded. */
export function invalid(name: string, send: Row['send']): Row {
  return { name, send, client: refused(400, 'invalid_request') };
}

/** Forwarded as `sees`; the response is `ok`. */
export function passes(name: string, send: Row['send'], sees: Seen | string): Row {
  return { name, send, app: app(sees), client: receivesOk };
}

/** The client receives `answer`, whatever the request. */
export function responded(
  name: string,
  by: AppSide['responses'][number],
  response: ExpectedResponse,
  then: ClientSide['then'] = 'open',
): Row {
  return { name, send: get(), app: app('GET /', by), client: receives(response, then) };
}
