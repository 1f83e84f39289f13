// Server-sent events through the whole path: each flush of the app reaches a reader that keeps up
// separately, without waiting for the next one.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { readUntil } from '../helpers/plain-gateway.ts';
import { ProcessPath } from '../helpers/process-path.ts';

test('delivers the head of an event stream before its first event, and each event as it is sent', async (t) => {
  const path = await ProcessPath.start(t);
  const message = await path.call('/events').response;
  assert.equal(message.headers['content-type'], 'text/event-stream');
  for (let number = 1; number <= 20; number += 1) {
    const event = `id: ${number}\ndata: ${'x'.repeat(number)}\n\n`;
    const arrived = once(message, 'data') as Promise<[Buffer]>;
    await path.app.ask('events', [event]);
    assert.equal((await arrived)[0].toString(), event);
  }
  message.destroy();
});

test('delivers simultaneous events at once, without waiting for another', async (t) => {
  const path = await ProcessPath.start(t);
  const message = await path.call('/events').response;
  const events = Array.from({ length: 200 }, (_, number) => `data: ${number}\n\n`);
  await path.app.ask('events', events);
  assert.equal(await readUntil(message, events.at(-1) ?? ''), events.join(''));
  message.destroy();
});
