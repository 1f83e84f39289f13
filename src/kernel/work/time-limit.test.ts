import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { TimeLimit } from './time-limit.ts';

test('an expired limit aborts with a TimeoutError', async () => {
  using limit = new TimeLimit(1);
  // Nothing else keeps this process alive.
  const waiting = setTimeout(() => undefined, 10_000);
  await once(limit.signal, 'abort');
  clearTimeout(waiting);
  assert.throws(
    () => {
      limit.signal.throwIfAborted();
    },
    { name: 'TimeoutError' },
  );
});

test('a limit that is disposed early never aborts', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const limit = new TimeLimit(100);
  limit[Symbol.dispose]();
  t.mock.timers.tick(1_000);
  assert.equal(limit.signal.aborted, false);
});
