import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../kernel/clock.ts';
import { RelayClock } from './relay-clock.ts';
import type { DateSample } from '../websocket/relay-date.ts';

const atEpoch = { ...systemClock, wallMs: () => 0 };

/** The sample from a relay with this clock. */
function sampleAt(dateMs: number, roundTripMs = 0): DateSample {
  const receivedAtMs = performance.now();
  return { dateMs, sentAtMs: receivedAtMs - roundTripMs, receivedAtMs };
}

function assertNear(actual: number | undefined, expected: number): void {
  assert.ok(Math.abs((actual ?? NaN) - expected) < 5_000, `${actual} is not near ${expected}`);
}

const day = 86_400_000;

test('relay time advances by the monotonic clock, whatever happens to the local wall clock', () => {
  let nowMs = 1_000 * day;
  const clock = new RelayClock({ clock: { ...systemClock, wallMs: () => nowMs } });
  assert.deepEqual([clock.skewMs, clock.nowMs()], [undefined, nowMs]);
  clock.take(sampleAt(1_000 * day + 40_000));
  assertNear(clock.skewMs, -40_000);
  nowMs += 300_000;
  assertNear(clock.skewMs, 260_000);
  assertNear(clock.nowMs(), 1_000 * day + 40_000);
});

test('measures a relay clock that is off by more than a day, but does not sign lease requests for it', () => {
  const nowMs = 1_000 * day;
  for (const [skew, isFollowed] of [
    [0.9 * day, true],
    [-0.9 * day, true],
    [1.1 * day, false],
    [-1.1 * day, false],
  ] as const) {
    const clock = new RelayClock({ clock: { ...systemClock, wallMs: () => nowMs } });
    clock.take(sampleAt(nowMs - skew));
    assertNear(clock.skewMs, skew);
    assert.equal(clock.isFollowed, isFollowed);
    assertNear(clock.nowMs(), isFollowed ? nowMs - skew : nowMs);
  }
});

test('ignores the time of a response that took seconds', () => {
  const clock = new RelayClock({ clock: atEpoch });
  clock.take(sampleAt(40_000, 6_000));
  assert.equal(clock.skewMs, undefined);
});

test("sends one time request at a time, only while the relay's time is unknown, and never after close()", async () => {
  let asked = 0;
  let dateMs = 40_000;
  const clock = new RelayClock({
    clock: atEpoch,
    ask: () => {
      asked += 1;
      return Promise.resolve(asked === 2 ? undefined : sampleAt(dateMs));
    },
  });
  await Promise.all([clock.settled(), clock.settled()]);
  await clock.settled();
  assert.equal(asked, 1);
  assert.equal(await clock.askAgain(), false, 'no time in the response: the known skew stays');
  assertNear(clock.skewMs, -40_000);
  assert.equal(await clock.askAgain(), false);
  dateMs = 300_000;
  assert.equal(await clock.askAgain(), true, "the relay's clock was set");
  assertNear(clock.skewMs, -300_000);
  clock.close();
  await clock.askAgain();
  assert.equal(asked, 4);
});

test('watching a clock after close() starts no timer', (t) => {
  const started = t.mock.method(globalThis, 'setInterval');
  const clock = new RelayClock({ clock: atEpoch });
  clock.close();
  clock.watch(() => undefined);
  assert.equal(started.mock.callCount(), 0);
});
