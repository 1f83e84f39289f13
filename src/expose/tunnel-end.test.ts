import assert from 'node:assert/strict';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { exposeApp } from '../../test/helpers/exposed-app.ts';
import { ScriptedPipe } from '../../test/helpers/scripted-pipe.ts';
import { systemClock } from '../kernel/clock.ts';

const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

test('pipelined requests wait while the caller does not read the earlier responses', async (t) => {
  let requests = 0;
  const s = await exposeApp(t, (_request, response) => {
    requests += 1;
    response.end(`response ${requests}`);
  });
  const pipe = new ScriptedPipe();
  s.bridge.accept(pipe);
  pipe.full = true;
  pipe.receive(get + get);
  while (!pipe.text.endsWith('response 1')) await setTimeout(5);
  // Without waiting for the drain, the next request would have been served by now.
  await setTimeout(20);
  assert.equal(requests, 1);
  pipe.drain();
  while (!pipe.text.endsWith('response 2')) await setTimeout(5);
  // While the caller does not read, received bytes are limited as during a request in service.
  pipe.full = true;
  pipe.receive(get);
  while (!pipe.text.endsWith('response 3')) await setTimeout(5);
  pipe.receive(Buffer.alloc(16 * 1024 + 1, get));
  assert.equal(pipe.destroyed, true);
});

function timed(t: TestContext): {
  readonly clock: typeof systemClock;
  readonly pass: (ms: number) => void;
} {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let nowMs = 0;
  const pass = (ms: number): void => {
    nowMs += ms;
    t.mock.timers.tick(ms);
  };
  return { clock: { ...systemClock, monotonicMs: () => nowMs }, pass };
}

test('close() waits for a request in transit over a recently used tunnel', async (t) => {
  const { clock, pass } = timed(t);
  const s = await exposeApp(t, (_request, response) => response.end('ok'), { clock });
  const quiet = s.tunnel().client.resume();
  pass(3_000);
  const fresh = s.tunnel().client;
  const quietEnds = once(quiet, 'end');
  const closing = s.bridge.close(60_000);
  await quietEnds;
  quiet.end();
  fresh.write(get);
  assert.match((await buffer(fresh)).toString(), /^HTTP\/1\.1 200 [^]*\r\nConnection: close\r\n\r\nok$/);
  fresh.end();
  await closing;
  assert.equal(s.bridge.openTunnels, 0);
});

test('close() ends a quiet tunnel after 3 seconds', async (t) => {
  const { clock, pass } = timed(t);
  const s = await exposeApp(t, (_request, response) => response.end('ok'), { clock });
  const { client } = s.tunnel();
  const closing = s.bridge.close(60_000);
  let ended = false;
  client.resume().once('end', () => {
    ended = true;
    client.end();
  });
  pass(2_999);
  await new Promise(setImmediate);
  assert.equal(ended, false);
  pass(1);
  await closing;
  assert.equal(ended, true);
});

test('close() leaves a response to a caller that has not read it yet', async (t) => {
  const { clock, pass } = timed(t);
  const s = await exposeApp(t, (_request, response) => response.end(Buffer.alloc(100_000, 'a')), { clock });
  const { client, app } = s.tunnel();
  client.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  while (!app.writableEnded) await new Promise(setImmediate);
  const closing = s.bridge.close(60_000);
  // Longer than the limit for a caller that keeps sending.
  pass(10_000);
  const response = (await buffer(client)).toString();
  assert.ok(response.endsWith('a'.repeat(100_000)));
  client.end();
  await closing;
});
