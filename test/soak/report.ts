// The report of a soak: the measurements, and which limits hold.
import type { GatewayCounters } from './gateway-counters.ts';
import type { Growth } from './growth.ts';
import type { HonestCounts } from './honest-client.ts';
import type { LoadReport } from './load-runner.ts';
import type { Sample } from './process-watch.ts';
import type { VisitCounts } from './relay-visits.ts';

export interface Watched {
  readonly name: string;
  readonly samples: readonly Sample[];
  readonly cpuPercent: number;
  /** After warm-up. Undefined: there is no limit on its memory. */
  readonly growth: Growth | undefined;
  /** Why the process ended unexpectedly or did not exit cleanly. */
  readonly fault: string | undefined;
}

export interface Measured {
  readonly honest: HonestCounts;
  readonly visits: VisitCounts;
  readonly loads: readonly LoadReport[];
  /** Uncaught errors of loads and Node.js warnings, by text. */
  readonly loadFaults: Readonly<Record<string, number>>;
  readonly processes: readonly Watched[];
  /** False: the run is too short for a limit on memory, and only shows its slope. */
  readonly memoryCounts: boolean;
  /**
   * How late timers were in the honest client's own, idle process, at the 99th percentile: the
   * delay that a busy machine adds.
   */
  readonly lateMs: number;
  /** Read after all clients have disconnected. */
  readonly afterwards: GatewayCounters;
}

interface Bar {
  readonly text: string;
  readonly holds: boolean;
}

const maxP99Ms = 250;
const mib = 1_048_576;
/** Room for transient buffers; a leak that matters is larger over the minutes of a soak. */
const maxGrowthBytes = 48 * mib;
const maxGrowthShare = 0.15;
const maxExamples = 10;
/**
 * Above this value other programs occupy the CPUs, and the latency limit says little about the
 * gateway.
 */
const maxLateMs = 20;

export function barsOf(measured: Measured): readonly Bar[] {
  const { honest, visits, loads, loadFaults, processes, memoryCounts, afterwards } = measured;
  const { activeRequests, internalErrors } = afterwards;
  const p99Ms = percentile(honest.latenciesMs, 99);
  const bars = [
    bar(`the honest client loses nothing: ${honest.lost.length} of ${honest.sent} lost`, honest.lost.length === 0),
    bar(`its p99 is under ${maxP99Ms} ms: ${p99Ms.toFixed(0)} ms`, p99Ms < maxP99Ms),
    bar(`the relay serves new clients: ${visits.failed.length} of ${visits.made} failed`, visits.failed.length === 0),
    bar(`no request is left when all clients have left: ${activeRequests}`, activeRequests === 0),
    bar(`no request ended in an internal error: ${internalErrors}`, internalErrors === 0),
  ];
  for (const { name, growth, fault } of processes) {
    bars.push(bar(`${name} runs to the end${fault === undefined ? '' : `: ${fault}`}`, fault === undefined));
    if (growth === undefined || !memoryCounts) continue;
    const maxBytes = Math.max(maxGrowthBytes, maxGrowthShare * growth.medianBytes);
    const text = `RSS of ${name} is flat after warm-up: ${signed(growth.bytesPerMinute)}/min, ${signed(growth.bytes)} in all (at most ${size(maxBytes)})`;
    bars.push(bar(text, growth.bytes <= maxBytes));
  }
  for (const { name, counters, broken } of loads) {
    if (Object.keys(counters).length === 0) bars.push(bar(`${name} did something`, false));
    for (const [promise, times] of Object.entries(broken))
      bars.push(bar(`${name}: ${promise}: ${times} times not`, false));
  }
  for (const [fault, times] of Object.entries(loadFaults))
    bars.push(bar(`a load failed ${times} times: ${fault}`, false));
  return bars;
}

export function reportText(measured: Measured, bars: readonly Bar[]): string {
  const { honest, visits, loads, processes, memoryCounts, lateMs } = measured;
  const quantiles = [50, 90, 99, 100].map((p) => `p${p} ${percentile(honest.latenciesMs, p).toFixed(0)} ms`);
  return [
    'HONEST CLIENT',
    `  ${honest.sent} requests, ${honest.lost.length} lost; ${quantiles.join(', ')}`,
    ...examples(honest.lost),
    `  its own process ran late by ${lateMs.toFixed(0)} ms at p99, so the machine had ${lateMs < maxLateMs ? '' : 'no '}time to spare`,
    `  ${visits.made} visits to the relay, ${visits.failed.length} failed`,
    ...examples(visits.failed),
    'LOADS',
    ...loads.map(({ name, counters }) => `  ${name.padEnd(18)} ${listOf(counters)}`),
    'PROCESSES',
    ...processes.flatMap(processLines),
    'BARS',
    ...(memoryCounts ? [] : ['  none    on memory: the run is too short, the buffers of the loads still grow']),
    ...bars.map(({ text, holds }) => `  ${holds ? 'holds ' : 'BROKEN'} ${text}`),
    '',
  ].join('\n');
}

export function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Infinity;
}

function bar(text: string, holds: boolean): Bar {
  return { text, holds };
}

function processLines({ name, samples, cpuPercent, growth }: Watched): string[] {
  const rss = samples.map(({ rssBytes }) => rssBytes);
  const every = Math.max(1, Math.floor(rss.length / 12));
  const shown = rss.filter((_, i) => i % every === 0).map((bytes) => (bytes / mib).toFixed(0));
  const slope = growth === undefined ? '' : `, slope ${signed(growth.bytesPerMinute)}/min`;
  return [
    `  ${name.padEnd(18)} CPU ${cpuPercent.toFixed(0)} % of a core; RSS at most ${size(Math.max(0, ...rss))}${slope}`,
    `  ${''.padEnd(18)} RSS in MiB, every ${every} s: ${shown.join(' ')}`,
  ];
}

function examples(texts: readonly string[]): string[] {
  const more = texts.length > maxExamples ? [`    and ${texts.length - maxExamples} more`] : [];
  return [...texts.slice(0, maxExamples).map((text) => `    ${text}`), ...more];
}

function listOf(counters: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counters).sort(([a], [b]) => a.localeCompare(b));
  return entries.map(([what, count]) => `${what} ${count}`).join(', ');
}

function size(bytes: number): string {
  return `${(bytes / mib).toFixed(0)} MiB`;
}

function signed(bytes: number): string {
  return `${bytes < 0 ? '' : '+'}${(bytes / mib).toFixed(1)} MiB`;
}
