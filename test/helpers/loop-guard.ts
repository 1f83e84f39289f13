// Ends this process with an error when its event loop is blocked: an endless loop keeps timeouts
// from firing, so the test would hang until the runner's own limit.
import { Worker } from 'node:worker_threads';
import type { TestContext } from 'node:test';

const source = `
  const { workerData } = require('node:worker_threads');
  const beats = new Int32Array(workerData.shared);
  let before = -1;
  let still = 0;
  setInterval(() => {
    const now = Atomics.load(beats, 0);
    still = now === before ? still + 1 : 0;
    before = now;
    if (still < workerData.seconds) return;
    require('node:fs').writeSync(2, 'the event loop has stood still for ' + still + ' s\\n');
    process.kill(process.pid, 'SIGKILL');
  }, 1000);
`;

/** Longer than any garbage collection or pause on a busy machine. */
const stillSeconds = 30;

export function guardLoop(t: Pick<TestContext, 'after'>, seconds: number = stillSeconds): void {
  const shared = new SharedArrayBuffer(4);
  const beats = new Int32Array(shared);
  const beat = setInterval(() => Atomics.add(beats, 0, 1), 200);
  const worker = new Worker(source, { eval: true, workerData: { shared, seconds } });
  worker.unref();
  t.after(async () => {
    clearInterval(beat);
    await worker.terminate();
  });
}
