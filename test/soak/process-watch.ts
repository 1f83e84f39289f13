// Memory and CPU of running processes, read from /proc once a second.
import { readFileSync } from 'node:fs';

export interface Sample {
  readonly atMs: number;
  readonly rssBytes: number;
}

/** USER_HZ: fixed in the Linux ABI. */
const ticksPerSecond = 100;

export class ProcessWatch {
  readonly samples: Sample[] = [];
  readonly #pid: number;
  readonly #startedMs: number = performance.now();
  readonly #cpuBefore: number;
  #cpuSeconds = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number) {
    this.#pid = pid;
    this.#cpuBefore = cpuSecondsOf(pid);
    this.#timer = setInterval(() => {
      this.#look();
    }, 1_000);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** As a percentage of one core. */
  get cpuPercent(): number {
    return (100 * this.#cpuSeconds) / ((performance.now() - this.#startedMs) / 1_000);
  }

  /** Keeps the last values of a process that has ended, for the report. */
  #look(): void {
    try {
      const [, kibibytes = '0'] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.#pid}/status`, 'latin1')) ?? [];
      this.samples.push({ atMs: performance.now() - this.#startedMs, rssBytes: Number(kibibytes) * 1_024 });
      this.#cpuSeconds = cpuSecondsOf(this.#pid) - this.#cpuBefore;
    } catch {
      this.stop();
    }
  }
}

/** User and system time: fields 14 and 15 of proc_pid_stat(5). */
function cpuSecondsOf(pid: number): number {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(/\) (?=[A-Z] )/);
  const numbers = fields.split(' ');
  return (Number(numbers[11]) + Number(numbers[12])) / ticksPerSecond;
}
