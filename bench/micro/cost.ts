// Measures the CPU time of one call of a pipeline stage, and provides what the stage needs around
// it.
import process from 'node:process';
import type { Sink } from '../../src/kernel/http/http.ts';

const rounds = 9;

/**
 * Microseconds of CPU time for one call, from the best of several rounds. CPU time is less
 * sensitive to other load than wall-clock time.
 */
export function microseconds(work: () => void, perRound = 50_000): number {
  let best = Infinity;
  for (let round = 0; round < rounds; round += 1) {
    const start = process.cpuUsage();
    for (let i = 0; i < perRound; i += 1) work();
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) / perRound);
  }
  return best;
}

export function row(name: string, us: number): void {
  console.log(`${name.padEnd(44)} ${us.toFixed(2)} us`);
}

/** A sink that stands for the client and ignores everything. */
export const nowhere: Sink = {
  informational: () => undefined,
  respond: () => undefined,
  head: () => undefined,
  data: () => true,
  end: () => undefined,
  upgrade: () => undefined,
  fail: (error) => {
    throw error;
  },
};
