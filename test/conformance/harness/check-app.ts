// Checks the requests that the app received: against the row's expectations, and against the rules
// that hold for every request forwarded to any app.
import assert from 'node:assert/strict';
import type { Row, Seen } from '../row.ts';
import { read, type RawApp, type SeenRequest } from './raw-app.ts';
import { nameOf, valuesOf, type Message } from './read-messages.ts';

/** Headers that the gateway itself sends to apps. */
const gatewaysOwn =
  /^(host|via|connection|keep-alive|content-length|transfer-encoding|x-request-id|forwarded|x-forwarded-(for|host|proto|prefix)|x-gateway-.*)$/;
/**
 * Must occur once: apps that read the first value and apps that read the last must see the same.
 */
const single = ['host', 'content-length', 'transfer-encoding', 'x-request-id', 'x-forwarded-for', 'x-forwarded-host'];
const always = ['host', 'via', 'x-request-id', 'x-forwarded-for', 'x-forwarded-proto', 'forwarded'];

export function checkApp(row: Row, app: RawApp, key: string): void {
  for (const failure of app.failures) throw failure as Error;
  const expected = row.app?.sees ?? [];
  const lines = app.requests.map(({ message }) => message().start);
  assert.deepEqual(
    lines,
    expected.map(({ line }) => `${line} HTTP/1.1`),
    'the requests that the app saw',
  );
  for (const connection of app.connections) {
    const { fault } = read(connection);
    if (row.app?.rest === undefined) assert.equal(fault, undefined, 'the app received invalid HTTP');
  }
  app.requests.forEach(({ message }, i) => {
    const seen = expected[i];
    if (seen !== undefined) checkRequest(message(), seen, key);
  });
  const [first] = app.requests;
  if (first !== undefined) checkConnection(row, app, first);
}

function checkRequest(message: Message, seen: Seen, key: string): void {
  const { headers } = message;
  assert.deepEqual(
    headers.filter((line) => !gatewaysOwn.test(nameOf(line)) && !isAmong(line, seen.added)),
    seen.headers ?? [],
    'the client’s headers as the app saw them',
  );
  for (const line of seen.added ?? []) {
    const values = valuesOf(headers, nameOf(line)).join(', ');
    assert.equal(values, line.slice(line.indexOf(':') + 2), `the app must see ${line}`);
  }
  for (const name of seen.lacks ?? []) assert.deepEqual(valuesOf(headers, name), [], `${name} must not reach the app`);
  if (seen.framing !== undefined) assert.equal(message.framing, seen.framing, 'framing of the request');
  const { body = '', whole = true } = seen;
  if (whole || seen.body !== undefined) assert.equal(message.body, body, 'body that the app saw');
  assert.deepEqual(message.trailers, seen.trailers ?? [], 'trailers that the app saw');
  assert.equal(message.whole, whole, 'whether the app saw a complete request');

  for (const name of always) assert.equal(valuesOf(headers, name).length > 0, true, `${name} must reach the app`);
  for (const name of single) assert.equal(valuesOf(headers, name).length <= 1, true, `${name} more than once`);
  const text = [...headers, ...message.trailers].join('\n');
  assert.doesNotMatch(text, /forged/, 'a value forged by the client reached the app');
  assert.equal(text.includes(key), false, 'the credential reached the app');
}

function checkConnection(row: Row, app: RawApp, { connection }: SeenRequest): void {
  const { rest, tunnel } = row.app ?? {};
  if (rest !== undefined) assert.equal(connection.received.endsWith(rest), true, 'bytes after the request');
  if (tunnel === undefined) return;
  assert.equal(app.followUp === connection ? 'kept' : 'closed', tunnel, 'state of the tunnel');
}

function isAmong(line: string, added: readonly string[] | undefined): boolean {
  return added?.some((other) => nameOf(other) === nameOf(line)) ?? false;
}
