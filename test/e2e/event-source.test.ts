// The EventSource that browsers have, as its own library: events come as they are sent, and the stream ends with the app.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { EventSource } from 'eventsource';
import { createDemoApp } from '../../src/demo/demo-app.ts';
import { key, startPlainGateway } from '../helpers/plain-gateway.ts';

test('an EventSource gets each event, and resumes behind the last one when the app cuts the stream', async (t) => {
  const demo = createDemoApp();
  const lastEventIds: unknown[] = [];
  const { app, port } = await startPlainGateway(t, (request, response) => {
    lastEventIds.push(request.headers['last-event-id']);
    demo.emit('request', request, response);
  });
  const source = new EventSource(`http://127.0.0.1:${port}/peer/app/sse?interval=10`, {
    fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, 'x-api-key': key } }),
  });
  t.after(() => {
    source.close();
  });
  const first = ((await once(source, 'tick')) as [MessageEvent])[0];
  const second = ((await once(source, 'tick')) as [MessageEvent])[0];
  assert.notEqual(second.lastEventId, first.lastEventId);
  app.closeAllConnections();
  await once(source, 'error');
  const resumed = ((await once(source, 'tick')) as [MessageEvent])[0];
  assert.equal(lastEventIds[0], undefined);
  assert.ok(typeof lastEventIds[1] === 'string' && Number(resumed.lastEventId) > Number(first.lastEventId));
});
