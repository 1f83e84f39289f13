// The soak: hostile apps, relays and clients all at once, beside one honest client that must not
// notice them. Prints the measurements and exits 1 if a limit is exceeded: node test/soak/main.ts
// [--minutes N] [--seed TEXT] [--only LOAD,LOAD]
import { existsSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { TestContext } from 'node:test';
import type { SoakLoadsSettings } from '../helpers/peers/soak-loads.ts';
import { PeerProcess } from '../helpers/peer-process.ts';
import type { CliProcess } from '../helpers/cli.ts';
import { gatewayCounters, unreadable, type GatewayCounters } from './gateway-counters.ts';
import { growthOf } from './growth.ts';
import { HonestClient } from './honest-client.ts';
import type { LoadReport } from './load-runner.ts';
import { loads } from './loads/all.ts';
import { startPath, type SoakPath } from './path.ts';
import { ProcessWatch } from './process-watch.ts';
import { seededRandom } from './random.ts';
import { RelayVisits } from './relay-visits.ts';
import { barsOf, percentile, reportText, type Watched } from './report.ts';

const honestPerSecond = 20;
const loadsName = 'loads';
const visitEveryMs = 5_000;
/** Share of the run; memory is judged after it. */
const warmUpShare = 0.4;
/** The slowest load needs two minutes to fill the resources that it holds. */
const memoryCountsFromMinutes = 5;
const progressEveryMs = 15_000;
/** On SIGTERM our processes drain, then exit. */
const stopTimeoutMs = 45_000;
const latenessResolutionMs = 10;
const emptiesTimeoutMs = 15_000;
const fetchTimeoutMs = 5_000;

const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
  },
});
const minutes = Number(flags.minutes);
if (!(minutes > 0)) throw new Error(`--minutes ${flags.minutes} is not a number of minutes`);
const only = flags.only.split(',').filter((name) => name !== '');
for (const name of only) if (loads.every((load) => load.name !== name)) throw new Error(`unknown load ${name}`);

/** Stops the child processes when this one is interrupted. */
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    interrupt.abort();
  });
}
if (existsSync('/proc/self/stat')) process.exitCode = (await soak()) ? 0 : 1;
else console.log('SKIPPED the soak reads memory and CPU from /proc, which this system does not have');

/** Resolves with true if all limits hold. */
async function soak(): Promise<boolean> {
  await using stack = new AsyncDisposableStack();
  const t = {
    after: (close: () => unknown) => {
      stack.defer(async () => {
        await close();
      });
    },
  } as unknown as TestContext;
  const path = await startPath(t);
  const { targets, loadKeys: keys, honestKey } = path;
  const settings: SoakLoadsSettings = { targets, keys, seed: flags.seed, only };
  const hostile = await PeerProcess.start<object>(t, 'soak-loads', settings);
  console.log(`soak: ${minutes} min, seed ${flags.seed}, ${honestPerSecond} honest requests/s from 127.0.0.1`);
  for (const { name, rate } of loads) if (only.length === 0 || only.includes(name)) console.log(`  ${name}: ${rate}`);

  const ended = new Map<string, number | null>();
  for (const [name, cli] of Object.entries(path.processes)) void cli.exited.then((code) => ended.set(name, code));
  const pids = Object.entries(path.processes).map(([name, { child }]) => ({ name, pid: child.pid ?? 0 }));
  const watches = [...pids, { name: loadsName, pid: hostile.pid }].map(({ name, pid }) => {
    const watch = new ProcessWatch(pid);
    stack.defer(() => {
      watch.stop();
    });
    return { name, watch };
  });
  const client = new HonestClient(targets, honestKey, seededRandom(`${flags.seed} honest`));
  const visits = new RelayVisits(targets.relay.url);
  const lateness = monitorEventLoopDelay({ resolution: latenessResolutionMs });
  lateness.enable();
  client.start(honestPerSecond);
  visits.start(visitEveryMs);
  await hostile.ask('start');
  await untilOver(path, client, ended);

  lateness.disable();
  await Promise.all([client.stop(), visits.stop()]);
  const { loadReports, loadFaults } = await endLoads(hostile);
  await hostile.kill();
  const measuredFromMs = warmUpShare * minutes * 60_000;
  const processes: Watched[] = watches.map(({ name, watch }) => {
    watch.stop();
    const { samples, cpuPercent } = watch;
    const settled = samples.filter(({ atMs }) => atMs >= measuredFromMs);
    const growth = name === loadsName ? undefined : growthOf(settled);
    const fault = ended.has(name) ? `ended with ${String(ended.get(name))}` : undefined;
    return { name, samples, cpuPercent, growth, fault };
  });
  const afterwards = await countersOf(path.adminUrl);
  const stopped: Watched[] = [];
  // The gateway first, because it drains through the relay.
  for (const watched of processes) {
    const cli = path.processes[watched.name as keyof SoakPath['processes']] as CliProcess | undefined;
    const isStopped = cli === undefined || watched.fault !== undefined;
    stopped.push(isStopped ? watched : { ...watched, fault: await stop(cli) });
  }
  const measured = {
    ...{ honest: client.counts(), visits: visits.counts(), loads: loadReports, loadFaults },
    ...{
      processes: stopped,
      afterwards,
      memoryCounts: minutes >= memoryCountsFromMinutes,
      lateMs: lateness.percentile(99) / 1e6 - latenessResolutionMs,
    },
  };
  const bars = barsOf(measured);
  console.log(reportText(measured, bars));
  return bars.every(({ holds }) => holds);
}

interface LoadsEnd {
  readonly loadReports: readonly LoadReport[];
  readonly loadFaults: Readonly<Record<string, number>>;
}

async function endLoads(hostile: PeerProcess<object>): Promise<LoadsEnd> {
  try {
    const loadReports = await hostile.ask<LoadsEnd['loadReports']>('reports');
    await Promise.race([hostile.ask('stop'), pause(stopTimeoutMs, undefined, { ref: false })]);
    return { loadReports, loadFaults: await hostile.ask<LoadsEnd['loadFaults']>('faults') };
  } catch (error) {
    return { loadReports: [], loadFaults: { [String(error)]: 1 } };
  }
}

/** Resolves when the time is over, the run is interrupted, or a process has ended unexpectedly. */
async function untilOver(
  path: SoakPath,
  client: HonestClient,
  ended: ReadonlyMap<string, number | null>,
): Promise<void> {
  const endMs = performance.now() + minutes * 60_000;
  let reportMs = performance.now() + progressEveryMs;
  while (performance.now() < endMs && ended.size === 0 && !interrupt.signal.aborted) {
    await pause(Math.min(250, endMs - performance.now()));
    if (performance.now() < reportMs) continue;
    reportMs += progressEveryMs;
    const { sent, lost, latenciesMs } = client.counts();
    const left = ((endMs - performance.now()) / 60_000).toFixed(1);
    console.log(
      `${left} min left: ${sent} sent, ${lost.length} lost, p99 ${percentile(latenciesMs, 99).toFixed(0)} ms`,
    );
  }
  for (const name of ended.keys()) {
    const { stderr } = path.processes[name as keyof SoakPath['processes']];
    console.log(`${name} has ended:\n${stderr().slice(-4_000)}`);
  }
}

/** The gateway's own counters, once its requests have had time to end. */
async function countersOf(adminUrl: string): Promise<GatewayCounters> {
  const deadlineMs = performance.now() + emptiesTimeoutMs;
  for (;;) {
    const text = await fetch(`${adminUrl}/metrics`, { signal: AbortSignal.timeout(fetchTimeoutMs) }).then(
      (response) => response.text(),
      () => undefined,
    );
    const counters = text === undefined ? unreadable : gatewayCounters(text);
    if (counters.activeRequests === 0 || performance.now() > deadlineMs) return counters;
    await pause(200);
  }
}

/** Stops the process. Resolves with the reason if it did not exit cleanly. */
async function stop(cli: CliProcess): Promise<string | undefined> {
  cli.child.kill('SIGTERM');
  const code = await Promise.race([cli.exited, pause(stopTimeoutMs, 'timeout' as const, { ref: false })]);
  return code === 0 ? undefined : `exit code ${String(code)} after SIGTERM`;
}
