import assert from 'node:assert/strict';
import { mock, test, type TestContext } from 'node:test';
import { Deadline, Deadlines } from './deadlines.ts';

interface Bench {
  readonly deadlines: Deadlines;
  readonly log: string[];
  readonly tick: (ms: number) => void;
  readonly deadline: (name: string) => Deadline;
}

function bench(t: TestContext): Bench {
  let nowMs = 1000;
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => {
    mock.timers.reset();
  });
  const log: string[] = [];
  return {
    deadlines: new Deadlines({ monotonicMs: () => nowMs, wallMs: () => nowMs }),
    log,
    tick: (ms) => {
      for (let i = 0; i < ms; i += 1) {
        nowMs += 1;
        mock.timers.tick(1);
      }
    },
    deadline: (name) => new Deadline({ expired: () => log.push(name) }),
  };
}

test('a deadline is never early and fires within a millisecond', (t) => {
  const { deadlines, log, tick, deadline } = bench(t);
  deadlines.arm(deadline('a'), 100);
  tick(99);
  assert.deepEqual(log, []);
  tick(2);
  assert.deepEqual(log, ['a']);
});

test('several deadlines of the same duration fire separately, in order', (t) => {
  const { deadlines, log, tick, deadline } = bench(t);
  deadlines.arm(deadline('a'), 100);
  tick(40);
  deadlines.arm(deadline('b'), 100);
  tick(61);
  assert.deepEqual(log, ['a']);
  tick(41);
  assert.deepEqual(log, ['a', 'b']);
});

test('arming again restarts the deadline, also with another duration', (t) => {
  const { deadlines, log, tick, deadline } = bench(t);
  const a = deadline('a');
  deadlines.arm(a, 100);
  tick(90);
  deadlines.arm(a, 100);
  tick(90);
  deadlines.arm(a, 20);
  tick(19);
  assert.deepEqual(log, []);
  tick(2);
  assert.deepEqual(log, ['a']);
  tick(300);
  assert.deepEqual(log, ['a']);
});

test('a disarmed deadline does not fire, and its neighbours do', (t) => {
  const { deadlines, log, tick, deadline } = bench(t);
  const [a, b, c] = [deadline('a'), deadline('b'), deadline('c')];
  for (const each of [a, b, c]) deadlines.arm(each, 50);
  deadlines.disarm(b);
  deadlines.disarm(b);
  tick(51);
  assert.deepEqual(log, ['a', 'c']);
});

test('a deadline may be armed again when it fires', (t) => {
  const { deadlines, log, tick } = bench(t);
  const again: Deadline = new Deadline({
    expired: () => {
      log.push('again');
      if (log.length < 3) deadlines.arm(again, 10);
    },
  });
  deadlines.arm(again, 10);
  tick(100);
  assert.deepEqual(log, ['again', 'again', 'again']);
});
