import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cancellation } from './cancellation.ts';

function work(log: string[], name: string): { cancel(): void } {
  return { cancel: () => log.push(name) };
}

test('cancels all pending work once', () => {
  const log: string[] = [];
  const cancellation = new Cancellation();
  const [a, b, c] = [work(log, 'a'), work(log, 'b'), work(log, 'c')];
  for (const each of [a, b, c]) cancellation.add(each);
  cancellation.delete(b);
  cancellation.cancel();
  cancellation.cancel();
  assert.deepEqual(log, ['a', 'c']);
});

test('cancels work that is added too late at once', () => {
  const log: string[] = [];
  const cancellation = new Cancellation();
  cancellation.cancel();
  cancellation.add(work(log, 'late'));
  assert.deepEqual(log, ['late']);
});

test('a signal reports the same, whether it was requested before or after', () => {
  const before = new Cancellation();
  const { signal } = before;
  assert.equal(signal.aborted, false);
  before.cancel();
  assert.equal(signal.aborted, true);
  const after = new Cancellation();
  after.cancel();
  assert.equal(after.signal.aborted, true);
});

test('cancellations can be nested', () => {
  const parent = new Cancellation();
  const child = new Cancellation();
  parent.add(child);
  parent.cancel();
  assert.equal(child.cancelled, true);
});
