import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockCompared } from '../../kernel/events.ts';
import { writeClockLog } from './clock-log.ts';
import { createLogger } from './log.ts';

test('logs when a clock difference begins, changes and ends, with size and direction', (t) => {
  const lines: Record<string, unknown>[] = [];
  const log = createLogger('info', (line) => lines.push(JSON.parse(line) as Record<string, unknown>));
  let nowMs = 0;
  t.after(writeClockLog(log, { monotonicMs: () => nowMs }));
  const relay = 'ws://relay.test';
  for (const skewSeconds of [0.4, -14.9, -15, -16, -40, -42, 300, 5, 0])
    clockCompared.publish({ relay, leaseId: undefined, skewSeconds });
  const shown = (): unknown[] =>
    lines.splice(0).map(({ level, clock_skew_seconds, message }) => {
      return [level, clock_skew_seconds, String(message).replace(/;.*/, '')];
    });
  assert.deepEqual(shown(), [
    ['warn', -15, "the clock of this machine is 15 s behind the relay's"],
    ['warn', -40, "the clock of this machine is 40 s behind the relay's"],
    ['warn', 300, "the clock of this machine is 300 s ahead of the relay's"],
    ['info', 5, "the clock of this machine agrees with the relay's again"],
  ]);
  for (let i = 0; i < 100; i += 1) clockCompared.publish({ relay, leaseId: `L${i}`, skewSeconds: 40 });
  nowMs = 60_000;
  clockCompared.publish({ relay, leaseId: 'L', skewSeconds: 40 });
  assert.deepEqual(shown(), [
    ['warn', 40, "the clock of this machine is 40 s ahead of the app's"],
    ['warn', 40, "the clock of this machine is 40 s ahead of the app's"],
  ]);
});
