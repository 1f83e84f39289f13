import assert from 'node:assert/strict';
import process from 'node:process';
import { test, type TestContext } from 'node:test';
import { onShutdown, type Shutdown } from './shutdown.ts';

/** Records the exit codes instead of ending the process. */
function watched(t: TestContext): { readonly shutdown: Shutdown; readonly codes: unknown[] } {
  const codes: unknown[] = [];
  t.mock.timers.enable({ apis: ['setTimeout'] });
  t.mock.method(process, 'exit', (code: unknown) => codes.push(code));
  const shutdown = onShutdown();
  t.after(() => {
    shutdown.release();
  });
  return { shutdown, codes };
}

test('forces a command to exit if it does not stop', (t) => {
  const { shutdown, codes } = watched(t);
  process.emit('SIGTERM', 'SIGTERM');
  assert.equal(shutdown.signal.aborted, true);
  t.mock.timers.tick(39_999);
  assert.deepEqual(codes, []);
  t.mock.timers.tick(1);
  assert.deepEqual(codes, [143]);
});

test('extends the limit for a command that needs longer to stop', (t) => {
  const { shutdown, codes } = watched(t);
  process.emit('SIGINT', 'SIGINT');
  shutdown.stopWithin(300_000);
  t.mock.timers.tick(309_999);
  assert.deepEqual(codes, []);
  t.mock.timers.tick(1);
  assert.deepEqual(codes, [130]);
});

test('a second signal exits at once', (t) => {
  const { shutdown, codes } = watched(t);
  process.emit('SIGINT', 'SIGINT');
  shutdown.stopWithin(300_000);
  process.emit('SIGTERM', 'SIGTERM');
  assert.deepEqual(codes, [143]);
});
