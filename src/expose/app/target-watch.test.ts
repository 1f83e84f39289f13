import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { freePort } from '../../../test/helpers/free-port.ts';
import { systemClock } from '../../kernel/clock.ts';
import { parseTarget } from './target.ts';
import { type TargetObserver, TargetWatch } from './target-watch.ts';

interface Bench {
  readonly watch: TargetWatch;
  readonly events: string[];
  /** How often the app was connected to. */
  connections(): number;
  start(): Promise<Server>;
  until(count: number): Promise<void>;
}

async function bench(t: TestContext): Promise<Bench> {
  const port = await freePort();
  const events: string[] = [];
  let connections = 0;
  const observer: TargetObserver = {
    lost: ({ reason }, atStart) => void events.push(`lost ${reason} ${atStart ? 'at start' : 'later'}`),
    returned: () => void events.push('returned'),
  };
  const watch = new TargetWatch(parseTarget(`127.0.0.1:${port}`), observer, systemClock);
  t.after(() => {
    watch.close();
  });
  const start = async (): Promise<Server> => {
    const server = createServer((socket) => {
      connections += 1;
      socket.on('error', () => undefined).resume();
    }).listen(port, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    return server;
  };
  const until = async (count: number): Promise<void> => {
    for (let waitedMs = 0; events.length < count; waitedMs += 10) {
      assert.ok(waitedMs < 8_000, events.join());
      await setTimeout(10);
    }
  };
  return { watch, events, connections: () => connections, start, until };
}

test('reports an app that is not there at the start, and when it comes', async (t) => {
  const b = await bench(t);
  b.watch.start();
  await b.until(1);
  await b.start();
  await b.until(2);
  assert.deepEqual(b.events, ['lost ECONNREFUSED at start', 'returned']);
});

test('reports that the app is gone once a request has failed, and nothing as long as it accepts', async (t) => {
  const b = await bench(t);
  const server = await b.start();
  b.watch.start();
  // Asked for by every failed request, done once a second.
  for (let i = 0; i < 50; i += 1) b.watch.suspect();
  await setTimeout(200);
  for (let i = 0; i < 50; i += 1) b.watch.suspect();
  await setTimeout(1_200);
  assert.equal(b.connections(), 2);
  assert.deepEqual(b.events, []);
  server.close();
  b.watch.suspect();
  await b.until(1);
  b.watch.suspect();
  await b.start();
  await b.until(2);
  assert.deepEqual(b.events, ['lost ECONNREFUSED later', 'returned']);
});

test('close() ends the attempts, and reports nothing more', async (t) => {
  const b = await bench(t);
  b.watch.start();
  await b.until(1);
  b.watch.close();
  b.watch.close();
  await b.start();
  await setTimeout(1_000);
  assert.equal(b.connections(), 0);
  assert.deepEqual(b.events, ['lost ECONNREFUSED at start']);
});
