// Owns how the cost of a stage is taken: what it needs around it, and the CPU time of one call.
import process from 'node:process';
import type { Sink } from '../../src/kernel/http/http.ts';

const rounds = 9;

/** Of the best of several rounds: the CPU's time, which a busy machine disturbs less than the clock. */
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

/** The client of a measured stage. */
export const nowhere: Sink = {
  informational: () => undefined,
  head: () => undefined,
  data: () => true,
  end: () => undefined,
  upgrade: () => undefined,
  fail: (error) => {
    throw error;
  },
};
