// Generates the load of a benchmark and reads the results: wrk for small requests, curl for one
// long body, a paced client for latency. The tools themselves report the figures.
import { execFile } from 'node:child_process';
import { Agent, get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Target {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

const headerArgs = (target: Target): string[] =>
  Object.entries(target.headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);

export interface SmallRun {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Milliseconds in each of wrk's time units. */
const millisecondsIn: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 };

export interface SmallLoad {
  readonly connections: number;
  /** Of each response. */
  readonly bytes: number;
}

const usualLoad: SmallLoad = { connections: 64, bytes: 1024 };

/**
 * Sends requests at full speed, the next one on each connection after the response. Throws when any
 * response is not 2xx: fast errors must not count as a result.
 */
export async function smallRequests(target: Target, seconds: number, load: SmallLoad = usualLoad): Promise<SmallRun> {
  const { connections, bytes } = load;
  const url = `${target.url}/bytes/${bytes}`;
  const args = ['-t2', `-c${connections}`, `-d${seconds}s`, '--latency', ...headerArgs(target), url];
  const { stdout } = await run('wrk', args);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`wrong responses from ${target.url}:\n${stdout}`);
  const number = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1]);
  const percentile = (percent: number): number => {
    const [, value, unit] = new RegExp(`${percent}%\\s+([\\d.]+)(us|ms|s)`).exec(stdout) ?? [];
    return Number(value) * (millisecondsIn[unit ?? ''] ?? Number.NaN);
  };
  return {
    requests: number(/(?<!\d)(\d+) requests in/),
    requestsPerSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p50Ms: percentile(50),
    p99Ms: percentile(99),
  };
}

/** Downloads one body of `bytes` bytes. Returns seconds. */
export function download(target: Target, bytes: number): Promise<number> {
  return transfer(target, 'download', bytes, [`${target.url}/bytes/${bytes}`]);
}

/** Uploads one body of `bytes` bytes from a file. Returns seconds. */
export function upload(target: Target, file: string, bytes: number): Promise<number> {
  const headers = ['-H', 'Expect:', '-H', 'content-type: application/octet-stream'];
  return transfer(target, 'upload', bytes, [...headers, '-X', 'POST', '-T', file, `${target.url}/upload`]);
}

async function transfer(
  target: Target,
  direction: 'download' | 'upload',
  bytes: number,
  args: readonly string[],
): Promise<number> {
  const format = `%{time_total} %{size_${direction}} %{http_code}`;
  const { stdout } = await run('curl', ['-sS', '-o', '/dev/null', '-w', format, ...headerArgs(target), ...args]);
  const [seconds, size, status] = stdout.trim().split(' ').map(Number);
  if (status !== 200 || size !== bytes) throw new Error(`expected ${bytes} bytes with status 200, saw: ${stdout}`);
  return seconds ?? NaN;
}

/** Sends small requests at a steady rate. Returns the latencies in ms, sorted. */
export async function paced(target: Target, perSecond: number, seconds: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true });
  const latencies: number[] = [];
  const all: Promise<void>[] = [];
  const startMs = performance.now();
  for (let i = 0; i < perSecond * seconds; i += 1) {
    const dueMs = startMs + (i * 1000) / perSecond;
    const waitMs = dueMs - performance.now();
    if (waitMs > 1) await pause(waitMs);
    const sentMs = performance.now();
    all.push(
      new Promise((resolve, reject) => {
        get(`${target.url}/bytes/1024`, { agent, headers: target.headers }, (res) => {
          res.resume();
          res.on('end', () => {
            latencies.push(performance.now() - sentMs);
            resolve();
          });
        }).on('error', reject);
      }),
    );
  }
  await Promise.all(all);
  agent.destroy();
  return latencies.sort((a, b) => a - b);
}

/**
 * The same number of requests in flight over HTTP/1.1 on 64 connections, or over HTTP/2 on 16, by
 * h2load. Returns their number. Throws when any response is not 2xx.
 */
export async function encryptedRequests(target: Target, version: '1.1' | '2', requests: number): Promise<SmallRun> {
  const how = version === '1.1' ? ['--h1', '-c64'] : ['-c16', '-m4'];
  const args = [...how, '-t1', `-n${requests}`, ...headerArgs(target), `${target.url}/bytes/1024`];
  const { stdout } = await run('h2load', args);
  const [, ok] = /status codes: (\d+) 2xx/.exec(stdout) ?? [];
  if (Number(ok) !== requests) throw new Error(`wrong responses from ${target.url}:\n${stdout}`);
  const [, perSecond] = /, ([\d.]+) req\/s/.exec(stdout) ?? [];
  const [, , maxMs, meanMs] = (/time for request: +(\S+) +(\S+) +(\S+)/.exec(stdout) ?? []).map(millisecondsOf);
  return { requests, requestsPerSecond: Number(perSecond), p50Ms: meanMs ?? NaN, p99Ms: maxMs ?? NaN };
}

function millisecondsOf(text: string): number {
  const [, value, unit] = /^([\d.]+)(us|ms|s)$/.exec(text) ?? [];
  return Number(value) * (millisecondsIn[unit ?? ''] ?? Number.NaN);
}
