// Events through the whole path: each flush of the app is a chunk of its own for its reader, and none waits for the next.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { readUntil } from '../helpers/plain-gateway.ts';
import { key } from '../helpers/policy.ts';
import { ProcessPath } from '../helpers/process-path.ts';

test('the head of an event stream comes before its first event, and each event as it is sent', async (t) => {
  const path = await ProcessPath.start(t);
  const message = await path.call('/events').answer;
  assert.equal(message.headers['content-type'], 'text/event-stream');
  for (let number = 1; number <= 20; number += 1) {
    const event = `id: ${number}\ndata: ${'x'.repeat(number)}\n\n`;
    const arrived = once(message, 'data') as Promise<[Buffer]>;
    await path.app.ask('events', [event]);
    assert.equal((await arrived)[0].toString(), event);
  }
  message.destroy();
});

test('events that are sent in a burst stay apart on the wire', async (t) => {
  const path = await ProcessPath.start(t);
  const socket = connect(path.gateway.ready.port, '127.0.0.1');
  t.after(() => socket.destroy());
  socket.write(`GET /peer/app/events HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\n\r\n`);
  await readUntil(socket, '\r\n\r\n');
  const events = Array.from({ length: 200 }, (_, number) => `data: ${number}\n\n`);
  await path.app.ask('events', events);
  const expected = events.map((event) => `${event.length.toString(16)}\r\n${event}\r\n`).join('');
  let received = '';
  while (received.length < expected.length) received += String((await once(socket, 'data'))[0]);
  assert.equal(received, expected);
});
