// Measures the CPU time of this thread between two turns of its event loop: how long other requests
// would wait, independent of other load on the machine. Garbage collections are left out: when they
// happen depends on all that the process has allocated, and they take longer on a busy machine.
import assert from 'node:assert/strict';
import { PerformanceObserver, type PerformanceEntry } from 'node:perf_hooks';
import process from 'node:process';
import type { TestContext } from 'node:test';

/** The target is about 10 ms. Cold code adds to it, and so do the 4 ms ticks of some kernels. */
const maxStretchMs = 20;
const maxAttempts = 3;

export interface TurnCpu {
  /** Milliseconds of the longest turn. */
  readonly maxMs: number;
  /** Milliseconds of all turns. */
  readonly totalMs: number;
}

interface Turn {
  readonly startMs: number;
  readonly endMs: number;
  readonly cpuMs: number;
}

export async function turnCpuOf(work: () => Promise<unknown>): Promise<TurnCpu> {
  const turns: Turn[] = [];
  const over = new AbortController();
  const collections: PerformanceEntry[] = [];
  const observer = new PerformanceObserver((list) => collections.push(...list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  let last = { atMs: performance.now(), cpuMs: cpuMs() };
  const watched = (async () => {
    while (!over.signal.aborted) {
      await nextTurn();
      const now = { atMs: performance.now(), cpuMs: cpuMs() };
      turns.push({ startMs: last.atMs, endMs: now.atMs, cpuMs: now.cpuMs - last.cpuMs });
      last = now;
    }
  })();
  try {
    await work();
  } finally {
    over.abort();
    await watched;
  }
  // Entries of collections are delivered in a later turn.
  for (let turn = 0; turn < 3; turn += 1) await nextTurn();
  collections.push(...observer.takeRecords());
  observer.disconnect();
  const ofWork = turns.map((turn) => Math.max(0, turn.cpuMs - collectedMs(turn, collections)));
  return {
    maxMs: ofWork.reduce((max, ms) => Math.max(max, ms), 0),
    totalMs: turns.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
  };
}

function collectedMs({ startMs, endMs }: Turn, collections: readonly PerformanceEntry[]): number {
  let sumMs = 0;
  for (const { startTime, duration } of collections) {
    sumMs += Math.max(0, Math.min(endMs, startTime + duration) - Math.max(startMs, startTime));
  }
  return sumMs;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/**
 * Asserts that the longest turn stays short. Other load on the machine (cache misses, ticks charged
 * to the wrong thread) only ever adds to a measurement, so a long one is repeated up to twice.
 */
export async function assertShortTurns(
  t: TestContext,
  what: string,
  measure: (attempt: number) => Promise<number>,
): Promise<void> {
  let maxMs = Infinity;
  for (let attempt = 1; attempt <= maxAttempts && maxMs >= maxStretchMs; attempt += 1) {
    maxMs = await measure(attempt);
    t.diagnostic(`${what}: longest stretch ${maxMs.toFixed(1)} ms`);
  }
  assert.ok(maxMs < maxStretchMs, `${what} held the loop for ${maxMs} ms of CPU time`);
}
