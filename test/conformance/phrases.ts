// Owns the phrases that rows are written with: the common requests, answers and expectations, so that a row shows what is special.
import type { Answer, AppSide, ClientSide, Row, Seen } from './row.ts';

const crlf = '\r\n';

/** Lines of a head, ended as HTTP ends them. */
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

/** With a body, framed by the headers that are given; by its length where none is. */
export function post(body: string, ...headers: readonly string[]): string {
  const framed = headers.some((line) => /^(content-length|transfer-encoding)\b/i.test(line));
  return request('POST', '/', ...headers, ...(framed ? [] : [`Content-Length: ${body.length}`])) + body;
}

/** Its text in one chunk. */
export function chunk(text: string): string {
  return `${text.length.toString(16)}${crlf}${text}${crlf}`;
}

export const lastChunk = '0\r\n\r\n';

/** An app's answer. */
export function answer(status: string, body: string, ...headers: readonly string[]): string {
  return head(`HTTP/1.1 ${status}`, `Content-Length: ${body.length}`, ...headers) + body;
}

export const ok: string = answer('200 OK', 'ok');

/** The app sees one request, and answers it. */
export function app(
  sees: Seen | string,
  answers: AppSide['answers'][number] = ok,
  more: Partial<AppSide> = {},
): AppSide {
  return { sees: [typeof sees === 'string' ? { line: sees } : sees], answers: [answers], ...more };
}

/** The client sees the app's `ok`. */
export const receivesOk: ClientSide = { answers: [{ status: 200, body: 'ok' }], then: 'open' };

export function receives(answer: Answer, then: ClientSide['then'] = 'open'): ClientSide {
  return { answers: [answer], then };
}

/** A problem that ends the connection: what follows on it can't be told from what was wrong. */
export function refused(status: number, code: string, ...added: readonly string[]): ClientSide {
  return { answers: [{ status, problem: code, added }], then: 'closed' };
}

/** A problem that is an answer like others. */
export function problem(status: number, code: string, ...added: readonly string[]): ClientSide {
  return { answers: [{ status, problem: code, added }], then: 'open' };
}

/** 400 invalid_request, the connection closed, nothing forwarded. */
export function invalid(name: string, send: Row['send']): Row {
  return { name, send, client: refused(400, 'invalid_request') };
}

/** Forwarded as `sees`, answered `ok`. */
export function passes(name: string, send: Row['send'], sees: Seen | string): Row {
  return { name, send, app: app(sees), client: receivesOk };
}

/** Passed on to the client as `answer`, whatever the request. */
export function answered(
  name: string,
  by: AppSide['answers'][number],
  answer: Answer,
  then: ClientSide['then'] = 'open',
): Row {
  return { name, send: get(), app: app('GET /', by), client: receives(answer, then) };
}
