import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { Deadlines } from '../kernel/work/deadlines.ts';
import { WriteRate } from './write-rate.ts';

const bounds = { minBytesPerSecond: 1024, windowMs: 30_000 };

class Client {
  readonly rate: WriteRate;
  nowMs = 0;
  cutAtMs: number | undefined = undefined;
  readonly #t: TestContext;

  constructor(t: TestContext) {
    this.#t = t;
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const clock = { monotonicMs: () => this.nowMs, wallMs: () => this.nowMs };
    this.rate = new WriteRate(bounds, clock, new Deadlines(clock), () => (this.cutAtMs = this.nowMs));
  }

  pass(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs;) {
      const stepMs = Math.min(500, endMs - this.nowMs);
      this.nowMs += stepMs;
      this.#t.mock.timers.tick(stepMs);
    }
  }

  /** The client reads `bytes` in `ms` while they wait. */
  take(bytes: number, ms: number): void {
    this.rate.waits(bytes);
    this.pass(ms);
    this.rate.drained();
  }
}

test('cuts off a client that reads nothing for the window', (t) => {
  const client = new Client(t);
  client.rate.waits(16 * 1024);
  client.pass(60_000);
  assert.equal(client.cutAtMs, 30_000);
});

test('many pending bytes get the time they need at the minimum rate', (t) => {
  const client = new Client(t);
  client.rate.waits(64 * 1024);
  client.pass(63_500);
  assert.equal(client.cutAtMs, undefined);
  client.pass(1_000);
  assert.equal(client.cutAtMs, 64_000);
});

test('bytes read before a stall give no time beyond the window', (t) => {
  const client = new Client(t);
  // Into the buffers of the operating system, at full speed.
  for (let i = 0; i < 100; i += 1) client.take(64 * 1024, 5);
  const stoppedMs = client.nowMs;
  client.rate.waits(16 * 1024);
  client.pass(60_000);
  const afterMs = (client.cutAtMs ?? Infinity) - stoppedMs;
  // Checked once a second.
  assert.ok(afterMs >= bounds.windowMs && afterMs <= bounds.windowMs + 1_000, `cut after ${afterMs} ms`);
});

test('time without pending bytes does not count', (t) => {
  const client = new Client(t);
  for (let i = 0; i < 100; i += 1) {
    client.take(100, 250);
    client.pass(10_000);
  }
  assert.equal(client.cutAtMs, undefined);
  client.take(100, 5_000);
  client.pass(1_000);
  // 10,100 bytes in 30 s of waiting.
  assert.notEqual(client.cutAtMs, undefined);
});

test('never cuts a client just above the rate, and cuts one just below', (t) => {
  for (const [bytesPerSecond, isCut] of [
    [1100, false],
    [950, true],
  ] as const) {
    const client = new Client(t);
    for (let i = 0; i < 30 && client.cutAtMs === undefined; i += 1) client.take(bytesPerSecond * 8, 8_000);
    assert.equal(client.cutAtMs !== undefined, isCut, String(bytesPerSecond));
    t.mock.timers.reset();
  }
});

test('in any pattern, never cuts a client that reads at twice the rate during every wait', (t) => {
  const waits = fc.array(fc.record({ ms: fc.integer({ min: 1, max: 20_000 }), pauseMs: fc.nat(2_000) }), {
    maxLength: 20,
  });
  fc.assert(
    fc.property(waits, (list) => {
      const client = new Client(t);
      for (const { ms, pauseMs } of list) {
        client.take(Math.ceil((2 * bounds.minBytesPerSecond * ms) / 1000), ms);
        client.pass(pauseMs);
      }
      t.mock.timers.reset();
      assert.equal(client.cutAtMs, undefined);
    }),
    { numRuns: 30 },
  );
});

test('cuts nothing after its end', (t) => {
  const client = new Client(t);
  client.rate.waits(1);
  client.rate.end();
  client.pass(100_000);
  assert.equal(client.cutAtMs, undefined);
});
