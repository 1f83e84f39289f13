// The program of a job thread under test: does what the job says, including failures.
import process from 'node:process';
import { serveJobs } from '../../src/kernel/work/job-worker.ts';

export type TestJob =
  | { readonly do: 'echo'; readonly value: unknown }
  /** Replies with `count` values. */
  | { readonly do: 'list'; readonly count: number }
  | { readonly do: 'throw' | 'exit' | 'hang' | 'fill' };

serveJobs(async (job) => {
  const asked = job as TestJob;
  await Promise.resolve();
  switch (asked.do) {
    case 'echo':
      return asked.value;
    case 'list':
      return Array.from({ length: asked.count }, (_, i) => ({ name: `entry-${i}`, numbers: [i, i + 1] }));
    case 'throw':
      throw new Error('a fault of the program');
    case 'exit':
      return process.exit(3);
    case 'hang':
      for (;;);
    case 'fill': {
      const kept: unknown[] = [];
      for (;;) kept.push(Array.from({ length: 1_000 }, (_, i) => ({ i })));
    }
  }
});
