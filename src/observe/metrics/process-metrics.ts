// Metrics of the process, under the usual names of Prometheus clients. Measured on each scrape, so
// that no timer is needed.
import { readdir, readFile } from 'node:fs/promises';
import process from 'node:process';
import { CounterOrGauge, Family } from './family.ts';

interface Measure {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  /** Undefined where the system does not report it. */
  readonly value: (usage: Usage) => number | undefined;
}

interface Usage {
  readonly cpu: NodeJS.CpuUsage;
  readonly memory: NodeJS.MemoryUsage;
  readonly openFiles: number | undefined;
  readonly maxFiles: number | undefined;
}

const startedSeconds = performance.timeOrigin / 1000;

const measures: readonly Measure[] = [
  {
    name: 'process_cpu_user_seconds_total',
    help: 'User CPU time.',
    type: 'counter',
    value: ({ cpu }) => cpu.user / 1e6,
  },
  {
    name: 'process_cpu_system_seconds_total',
    help: 'System CPU time.',
    type: 'counter',
    value: ({ cpu }) => cpu.system / 1e6,
  },
  {
    name: 'process_cpu_seconds_total',
    help: 'User and system CPU time.',
    type: 'counter',
    value: ({ cpu }) => (cpu.user + cpu.system) / 1e6,
  },
  {
    name: 'process_start_time_seconds',
    help: 'Start time of the process, in seconds since the Unix epoch.',
    type: 'gauge',
    value: () => startedSeconds,
  },
  {
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of the process.',
    type: 'gauge',
    value: ({ memory }) => memory.rss,
  },
  { name: 'process_open_fds', help: 'Open file descriptors.', type: 'gauge', value: ({ openFiles }) => openFiles },
  {
    name: 'process_max_fds',
    help: 'The limit of open file descriptors.',
    type: 'gauge',
    value: ({ maxFiles }) => maxFiles,
  },
  {
    name: 'nodejs_heap_size_used_bytes',
    help: 'Used size of the JavaScript heap.',
    type: 'gauge',
    value: ({ memory }) => memory.heapUsed,
  },
  {
    name: 'nodejs_heap_size_total_bytes',
    help: 'Total size of the JavaScript heap.',
    type: 'gauge',
    value: ({ memory }) => memory.heapTotal,
  },
  {
    name: 'nodejs_external_memory_bytes',
    help: 'Memory of buffers and other objects outside the JavaScript heap.',
    type: 'gauge',
    value: ({ memory }) => memory.external,
  },
];

export async function processMetrics(): Promise<string> {
  const [openFiles, maxFiles] = await Promise.all([countOpenFiles(), readMostFiles()]);
  const usage: Usage = { cpu: process.cpuUsage(), memory: process.memoryUsage(), openFiles, maxFiles };
  let text = '';
  for (const { value, ...options } of measures) {
    const measured = value(usage);
    if (measured === undefined) continue;
    const family = new Family(options, () => new CounterOrGauge());
    family.of().value = measured;
    text += family.text();
  }
  return text;
}

/** Linux only. */
async function countOpenFiles(): Promise<number | undefined> {
  try {
    return (await readdir('/proc/self/fd')).length;
  } catch {
    return undefined;
  }
}

async function readMostFiles(): Promise<number | undefined> {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(await readFile('/proc/self/limits', 'latin1'))?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
