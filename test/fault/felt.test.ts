// A disconnect is noticed at the other end of the whole path at once, without the help of a timer:
// every keepalive and timeout here takes seconds. The target is 100 ms; a busy machine gets ten
// times as much.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blockedSender, download, upgraded, upload } from '../helpers/back-pressure.ts';
import type { PointName } from '../helpers/exchange-points.ts';
import { ProcessPath } from '../helpers/process-path.ts';
import { closed } from '../helpers/scripted-app.ts';
import { FaultPath } from './fault-path.ts';
import { holdAt } from './held-exchange.ts';

const maxMs = 1_000;

const kinds: Readonly<Partial<Record<PointName, string>>> = {
  'before-head': 'a request without an answer yet',
  'within-length': 'a download',
  'between-chunks': 'an event stream',
  'within-upload': 'an upload',
  'after-101': 'an upgraded connection',
};

for (const [lease, app] of [
  ['raw', 'the app'],
  ['app', 'the app behind expose'],
] as const) {
  test(`${app} detects at once that its client left, and the client that the app left`, async (t) => {
    const path = await FaultPath.start(t);
    for (const [key, kind] of Object.entries(kinds)) {
      const point = key as PointName;
      const begin = async (): Promise<ReturnType<typeof holdAt>> => {
        const arrived = path.app.event(`arrived ${point}`);
        const held = holdAt(path.port, lease, point);
        await Promise.all([arrived, held.seen]);
        return held;
      };
      const felt = async (what: string, ends: Promise<unknown>): Promise<void> => {
        const startMs = performance.now();
        await ends;
        const tookMs = performance.now() - startMs;
        t.diagnostic(`${kind}: ${what} noticed after ${tookMs.toFixed(1)} ms`);
        assert.ok(tookMs < maxMs, `${kind}: ${what} noticed after ${tookMs.toFixed(0)} ms`);
      };
      const leaving = await begin();
      const left = path.app.event(`left ${point}`);
      leaving.leave();
      await felt('the client', left);
      const staying = await begin();
      await Promise.all([path.app.ask('drop', point), felt('the app', staying.outcome)]);
    }
  });
}

test('detects a vanished end even when all buffers in between are full', async (t) => {
  const path = await ProcessPath.start(t);
  for (const start of [download, upgraded]) {
    const [flow] = await start(path);
    assert.ok(flow);
    await blockedSender(path, flow);
    const over = path.app.event('download over');
    const startMs = performance.now();
    flow.close();
    await over;
    t.diagnostic(`${start.name}: noticed after ${(performance.now() - startMs).toFixed(1)} ms`);
    assert.ok(performance.now() - startMs < maxMs);
  }
});

test('an unread upload hides that its client left only until it is read', async (t) => {
  const path = await ProcessPath.start(t);
  const [flow] = await upload(path);
  assert.ok(flow);
  await blockedSender(path, flow);
  const lost = path.app.event('upload lost');
  flow.close();
  // The client's data arrives first, and then no clean end.
  const reading = flow.read(Number.MAX_SAFE_INTEGER).catch(() => undefined);
  await lost;
  await Promise.race([reading, lost]);
});

test('a client with a stalled download detects at once that the app left', async (t) => {
  const path = await ProcessPath.start(t);
  const { response: response } = path.call('/endless');
  const message = await response;
  message.on('error', () => undefined);
  const sent = async (): Promise<number> => (await path.app.ask<{ bytes: number }>('sent')).bytes;
  for (let before = -1; before !== (await sent()); before = await sent());
  const over = closed(message);
  await path.app.ask('cut');
  message.resume();
  await over;
  assert.equal(message.complete, false);
});
