// The browsers' EventSource, as a library: events arrive as they are sent, and the stream ends when
// the app ends it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { test, type TestContext } from 'node:test';
import { EventSource } from 'eventsource';
import { createDemoApp } from '../../src/demo/demo-app.ts';
import { key, startPlainGateway } from '../helpers/plain-gateway.ts';
import { closed, handedOver } from '../helpers/scripted-app.ts';

function eventSource(t: TestContext, port: number, path: string): EventSource {
  const source = new EventSource(`http://127.0.0.1:${port}/peer/app${path}`, {
    fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, 'x-api-key': key } }),
  });
  t.after(() => {
    source.close();
  });
  return source;
}

async function next(source: EventSource, type: string): Promise<MessageEvent> {
  const [event] = (await once(source, type)) as [MessageEvent];
  return event;
}

test('an EventSource receives each event, and resumes after the last one when the app cuts the stream', async (t) => {
  const demo = createDemoApp();
  const lastEventIds: unknown[] = [];
  const { app, port } = await startPlainGateway(t, (request, response) => {
    lastEventIds.push(request.headers['last-event-id']);
    demo.emit('request', request, response);
  });
  const source = eventSource(t, port, '/sse?interval=10');
  const first = await next(source, 'tick');
  const second = await next(source, 'tick');
  assert.notEqual(second.lastEventId, first.lastEventId);
  app.closeAllConnections();
  await once(source, 'error');
  const resumed = await next(source, 'tick');
  assert.equal(lastEventIds[0], undefined);
  assert.ok(typeof lastEventIds[1] === 'string' && Number(resumed.lastEventId) > Number(first.lastEventId));
});

test('an EventSource receives everything the format allows: names, lines, comments, split letters', async (t) => {
  const app = handedOver();
  const { port } = await startPlainGateway(t, app.serve);
  const source = eventSource(t, port, '/events');
  const [request, response] = await app.next();
  assert.equal(request.headers.accept, 'text/event-stream');
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
  await once(source, 'open');
  const named = next(source, 'greeting');
  const text = Buffer.from(': a comment\r\nevent: greeting\r\nid: 7\r\ndata: grüß\r\ndata: dich\r\n\r\n');
  const middle = text.indexOf('ü') + 1;
  response.write(text.subarray(0, middle));
  response.write(text.subarray(middle));
  const heard = await named;
  assert.equal(heard.data, 'grüß\ndich');
  assert.equal(heard.lastEventId, '7');
});

test('an EventSource that gets 204 does not reconnect, and the app notices one that closes', async (t) => {
  const requests: IncomingMessage[] = [];
  const { app, port } = await startPlainGateway(t, (request, response) => {
    requests.push(request);
    if (request.url === '/none') response.writeHead(204).end();
    else response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  });
  const none = eventSource(t, port, '/none');
  await once(none, 'error');
  assert.equal(none.readyState, none.CLOSED);
  const open = eventSource(t, port, '/open');
  await once(open, 'open');
  assert.equal(requests.length, 2);
  const left = closed(requests[1] ?? app);
  open.close();
  await left;
});
