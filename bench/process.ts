// Runs the processes of a benchmark: starts one, waits for the line that holds its address, and
// reads its CPU time.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline';

export interface Peer {
  readonly pid: number;
  /** The first line of its stdout. */
  readonly ready: string;
  stop(): Promise<void>;
}

interface StartOptions {
  /** It prints no line: the caller finds out when it is ready. */
  readonly readySilently?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  readonly showsErrors?: boolean;
}

/** Starts a program that prints one line to stdout once it accepts requests. */
export async function startPeer(command: string, args: readonly string[], options: StartOptions = {}): Promise<Peer> {
  const { env, showsErrors = true } = options;
  const stderr = showsErrors ? 'inherit' : 'ignore';
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', stderr], ...(env && { env }) });
  const { pid } = child;
  if (pid === undefined) throw new Error(`cannot start ${command}`);
  let ready = '';
  if (options.readySilently !== true) {
    const lines = createInterface({ input: child.stdout });
    const first = await Promise.race([once(lines, 'line'), once(child, 'exit')]);
    if (typeof first[0] !== 'string')
      throw new Error(`${command} ${args.join(' ')} ended with ${String(first[0])} before it was ready`);
    ready = first[0];
    lines.close();
  }
  child.stdout.resume();
  return { pid, ready, stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
  await ended;
  clearTimeout(timer);
}

/** Runs one of our Node programs from source. */
export function startNode(file: string, args: readonly string[], nodeOptions: readonly string[] = []): Promise<Peer> {
  const extra = process.env['BENCH_NODE_OPTIONS']?.split(' ') ?? [];
  return startPeer(process.execPath, [...extra, ...nodeOptions, file, ...args]);
}

const ticksPerSecond = 100; // USER_HZ, fixed in the Linux ABI

/** User and system seconds of a process and its live children (nginx does its work in children). */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
  const own = (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  let children = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const list = readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').trim();
    if (list !== '') for (const child of list.split(' ')) children += cpuSeconds(Number(child));
  }
  return own + children;
}

export function rssBytes(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return Number(line?.[1] ?? 0) * 1024;
}
