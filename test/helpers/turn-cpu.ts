// Measures the CPU time of this thread between two turns of its event loop: how long other requests
// would wait, independent of other load on the machine.
import process from 'node:process';

export interface TurnCpu {
  /** Milliseconds of the longest turn. */
  readonly maxMs: number;
  /** Milliseconds of all turns. */
  readonly totalMs: number;
}

export async function turnCpuOf(work: () => Promise<unknown>): Promise<TurnCpu> {
  let maxMs = 0;
  let totalMs = 0;
  let last = cpuMs();
  const over = new AbortController();
  const watched = (async () => {
    while (!over.signal.aborted) {
      await new Promise((resolve) => setImmediate(resolve));
      const now = cpuMs();
      maxMs = Math.max(maxMs, now - last);
      totalMs += now - last;
      last = now;
    }
  })();
  try {
    await work();
  } finally {
    over.abort();
    await watched;
  }
  return { maxMs, totalMs };
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
