// Checks the responses that the client received: against the row's expectations, and against the
// rules that hold for every response of the gateway.
import assert from 'node:assert/strict';
import type { ProblemBody } from '../../helpers/problem-body.ts';
import type { ExpectedResponse, Row } from '../row.ts';
import type { BytePeer } from './byte-peer.ts';
import { followUpBody, type RawApp } from './raw-app.ts';
import { nameOf, valuesOf, type Message, type Reading } from './read-messages.ts';

/** Headers that the gateway itself sends to clients, and connection headers. */
const gatewaysOwn =
  /^(via|date|connection|keep-alive|content-length|transfer-encoding|x-request-id|ratelimit.*|x-ratelimit-.*|cache-status)$/;

export function checkClient(row: Row, reading: Reading, client: BytePeer, app: RawApp): void {
  const { responses: answers, then } = row.client;
  const messages = [...reading.messages];
  if (then === 'open') assert.equal(client.over, false, 'the connection must stay open');
  if (then === 'open' || (then === 'either' && messages.length > answers.length)) {
    assert.match(messages.pop()?.body ?? '', /"live"/, 'the response to a request on the same connection');
  }
  checkStatuses(row, { ...reading, messages });
  checkResponses(answers, messages, app);
  assert.equal(reading.rest, row.client.rest ?? '', 'bytes after the responses');
  assert.doesNotMatch(client.received, /leaked/, 'a value private to the app reached the client');
}

export function checkResponses(
  responses: readonly ExpectedResponse[],
  messages: readonly Message[],
  app: RawApp,
): void {
  assert.deepEqual(
    messages.map(({ start }) => Number(start.slice(9, 12))),
    responses.map(({ status }) => status),
    'the statuses that the client saw',
  );
  messages.forEach((message, i) => {
    const response = responses[i];
    if (response !== undefined) checkResponse(message, response);
    const text = [...message.headers, message.body, ...message.trailers].join('\n');
    assert.doesNotMatch(text, /leaked/, 'a value private to the app reached the client');
  });
  checkId(messages, app);
}

/** Runs first: the later checks are meaningless when the statuses differ. */
export function checkStatuses(row: Row, { messages, fault }: Reading): void {
  assert.equal(fault, undefined, 'the client received invalid HTTP');
  assert.deepEqual(
    messages.map(({ start }) => Number(start.slice(9, 12))),
    row.client.responses.map(({ status }) => status),
    'the statuses that the client saw',
  );
}

/**
 * Checks that the gateway and the app still work: the next request on another connection gets its
 * own response.
 */
export function checkFollowUp({ messages, fault }: Reading): void {
  assert.equal(fault, undefined, 'the response to a later request is invalid HTTP');
  const [message] = messages;
  assert.deepEqual([message?.start, message?.body], ['HTTP/1.1 200 OK', followUpBody], 'a later request');
  assert.equal(messages.length, 1, 'one response per request');
}

function checkResponse(message: Message, response: ExpectedResponse): void {
  const { headers } = message;
  for (const line of response.added ?? []) {
    const values = valuesOf(headers, nameOf(line)).join(', ');
    assert.equal(values, line.slice(line.indexOf(':') + 2), `the client must see ${line}`);
  }
  for (const name of response.lacks ?? []) {
    assert.deepEqual(valuesOf(headers, name), [], `${name} must not reach the client`);
  }
  if (response.framing !== undefined) assert.equal(message.framing, response.framing, 'framing of the response');
  assert.equal(message.whole, response.cut !== true, 'whether the client saw a complete response');
  if (response.holds !== undefined)
    assert.equal(message.body.includes(response.holds), true, `body must hold ${response.holds}`);
  if (response.problem !== undefined) {
    checkProblem(message, response.problem);
    return;
  }
  if (response.holds === undefined) assert.equal(message.body, response.body ?? '', 'body that the client saw');
  assert.deepEqual(message.trailers, response.trailers ?? [], 'trailers that the client saw');
  if (response.own === true) {
    // A response without content cannot be sniffed.
    if (response.status === 204) return;
    assert.deepEqual(valuesOf(headers, 'x-content-type-options'), ['nosniff']);
    return;
  }
  assert.deepEqual(
    headers.filter((line) => !gatewaysOwn.test(nameOf(line)) && !isAmong(line, response.added)),
    response.headers ?? [],
    'the app’s headers as the client saw them',
  );
  if (response.status < 200) return;
  assert.match(valuesOf(headers, 'via').at(-1) ?? '', /(^|, )1\.[01] portal-gateway$/, 'Via of a forwarded response');
  // RFC 9110 §6.6.1: a recipient that forwards a response without Date adds one.
  assert.equal(valuesOf(headers, 'date').length, 1, 'one Date');
}

/** Checks a problem document (RFC 9457, docs/errors.md). */
function checkProblem({ start, headers, body, framing }: Message, code: string): void {
  const [type = ''] = valuesOf(headers, 'content-type');
  const [id = ''] = valuesOf(headers, 'x-request-id');
  // A response to HEAD has no body.
  if (body !== '' || framing !== 'none') {
    assert.equal(type, 'application/problem+json', 'media type of a problem');
    const value = JSON.parse(body) as ProblemBody;
    assert.equal(value.code, code, 'code of the problem');
    assert.equal(value.status, Number(start.slice(9, 12)));
    const types = ['about:blank', `/.well-known/portal-gateway/errors#${code}`];
    assert.equal(types.includes(value.type), true, 'type is the page of the code, or about:blank in host mode');
    assert.equal(value.title !== '' && value.detail !== '', true, 'title and detail');
    assert.equal(value.request_id, id, 'X-Request-ID of the problem');
  }
  assert.equal(id === '', false, 'a problem must carry X-Request-ID');
  assert.deepEqual(valuesOf(headers, 'x-content-type-options'), ['nosniff']);
  assert.match(valuesOf(headers, 'proxy-status').join(', '), /^portal-gateway\b/, 'Proxy-Status of a problem');
}

function checkId(messages: readonly Message[], app: RawApp): void {
  const final = messages.filter(({ start }) => !start.startsWith('HTTP/1.1 1'));
  final.forEach(({ headers }) => {
    assert.equal(valuesOf(headers, 'x-request-id').length, 1, 'one X-Request-ID for the client');
  });
  const [first] = app.requests;
  if (final.length !== 1 || first === undefined || app.requests.length !== 1) return;
  assert.deepEqual(
    valuesOf(final[0]?.headers ?? [], 'x-request-id'),
    valuesOf(first.message().headers, 'x-request-id'),
    'app and client must read the same X-Request-ID',
  );
}

function isAmong(line: string, added: readonly string[] | undefined): boolean {
  return added?.some((other) => nameOf(other) === nameOf(line)) ?? false;
}
