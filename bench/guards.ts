// Measures what the checks before the app cost, each compared with its absence in the same run: a
// verified key with limits against none, assertions against none, wrong keys against previously
// verified callers, lease rules by their number. Quote the ratios.
//
//   node bench/guards.ts [--rounds N] [--seconds N]
import { Agent, get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createApiKey } from '../src/auth/api-key.ts';
import { Acl } from '../src/guard/acl.ts';
import { paced, smallRequests, type Target } from './load.ts';
import { cpuSeconds, startNode, type Peer } from './process.ts';

const { values: flags } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '3' } },
});
const rounds = Number(flags.rounds);
const seconds = Number(flags.seconds);
const floodPerSecond = 500;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

function lookUps(): void {
  for (const count of [10, 1_000, 100_000]) {
    const rules = Object.fromEntries(
      Array.from({ length: count }, (_, i) => [i % 2 === 0 ? `app-${i}` : `team-${i}-*`, [`key-${i}`]] as const),
    );
    const acl = new Acl(rules);
    const who = { id: 'key-1', kind: 'key', scopes: ['read'] } as const;
    const targets = Array.from({ length: 100 }, (_, i) => ({
      id: 'A'.repeat(26),
      names: [i % 2 === 0 ? `app-${(i * 7) % count}` : `team-${((i * 7) % count) | 1}-x`],
    }));
    const look = (again: boolean): number => {
      const times = Array.from({ length: rounds + 1 }, () => {
        const startMs = performance.now();
        for (let i = 0; i < 200_000; i += 1) {
          const { id = '', names = [] } = targets[i % 100] ?? {};
          // The decision is cached by the identity of the list of names.
          acl.decide({ id, names: again ? names : [...names] }, who);
        }
        return ((performance.now() - startMs) * 1e6) / 200_000;
      });
      // The first round includes JIT compilation.
      return median(times.slice(1));
    };
    const [first, again] = [look(false), look(true)].map((ns) => ns.toFixed(0));
    console.log(`lease rules, ${count}: ${first} ns for the first lookup of a lease, ${again} ns for later ones`);
  }
}

interface Measured extends Target {
  readonly peer: Peer;
}

/** A gateway peer prints `URL KEY`. */
function measured(peer: Peer, withKey: boolean): Measured {
  const [url = '', key = ''] = peer.ready.split(' ');
  return { peer, url, headers: withKey ? { authorization: `Bearer ${key}` } : {} };
}

/**
 * Measures both on 64 connections, alternating, so that other load on the machine affects both
 * alike.
 */
async function throughput(what: string, without: Measured, withIt: Measured): Promise<void> {
  const rates: number[] = [];
  const costs: [without: number[], withIt: number[]] = [[], []];
  for (let i = 0; i < rounds; i += 1) {
    const run = async ({ peer, ...target }: Measured): Promise<{ rate: number; cpuUs: number }> => {
      const before = cpuSeconds(peer.pid);
      const { requests, requestsPerSecond } = await smallRequests(target, seconds);
      return { rate: requestsPerSecond, cpuUs: ((cpuSeconds(peer.pid) - before) * 1e6) / requests };
    };
    // The second run finds warmer caches, so the order alternates.
    const first = await run(i % 2 === 0 ? without : withIt);
    const second = await run(i % 2 === 0 ? withIt : without);
    const [a, b] = i % 2 === 0 ? [first, second] : [second, first];
    rates.push(b.rate / a.rate);
    costs[0].push(a.cpuUs);
    costs[1].push(b.cpuUs);
  }
  const shown = rates.map((rate) => rate.toFixed(3)).join(' ');
  console.log(`${what}: ${median(rates).toFixed(3)} of the throughput without (${shown}),`);
  // Other load only ever adds CPU time, so the minimum is the best estimate.
  const [least, leastWith] = [Math.min(...costs[0]), Math.min(...costs[1])];
  console.log(`  ${leastWith.toFixed(1)} us of the gateway's CPU per request at best, ${least.toFixed(1)} without`);
}

/** Sends wrong keys, a different one each time, until aborted. */
async function flood({ url }: Target, signal: AbortSignal): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const startMs = performance.now();
  let sent = 0;
  while (!signal.aborted) {
    const due = ((performance.now() - startMs) * floodPerSecond) / 1000;
    for (; sent < due; sent += 1) {
      get(url, { agent, headers: { authorization: `Bearer ${createApiKey('live')}` } }, (response) => {
        response.resume();
      }).on('error', () => undefined);
    }
    await pause(2);
  }
  agent.destroy();
}

async function underFlood(target: Target): Promise<void> {
  const p99 = (latencies: readonly number[]): number => latencies[Math.floor(latencies.length * 0.99)] ?? NaN;
  const ratios: number[] = [];
  for (let i = 0; i < rounds; i += 1) {
    const quiet = p99(await paced(target, 200, seconds));
    const stop = new AbortController();
    const flooding = flood(target, stop.signal);
    const flooded = p99(await paced(target, 200, seconds));
    stop.abort();
    await flooding;
    ratios.push(flooded / quiet);
  }
  const shown = ratios.map((ratio) => ratio.toFixed(2)).join(' ');
  console.log(
    `p99 of verified callers under ${floodPerSecond} wrong keys a second: ${median(ratios).toFixed(2)}x (${shown})`,
  );
}

lookUps();
const peers: Peer[] = [];
const start = async (file: string, ...args: string[]): Promise<Peer> => {
  const peer = await startNode(file, args);
  peers.push(peer);
  return peer;
};
try {
  const app = await start('bench/peers/app.ts');
  const relay = await start('bench/peers/relay.ts');
  const lease = await start('bench/peers/app.ts', relay.ready, 'bench');
  const tunnel = ['--relay', relay.ready, '--lease-id', lease.ready];
  const gateway = async (way: readonly string[], guards: string): Promise<Measured> => {
    const target = measured(await start('bench/peers/gateway.ts', ...way, '--guards', guards), guards !== 'none');
    // Opens the tunnel and gets the key verified.
    await paced(target, 1, 1);
    return target;
  };
  const open = await gateway(tunnel, 'none');
  const guarded = await gateway(tunnel, 'all');
  await throughput('verified key, lease rules and limits', open, guarded);
  await throughput('assertion, bind: none, beside them', guarded, await gateway(tunnel, 'assertion'));
  await throughput('assertion, bind: request, beside them', guarded, await gateway(tunnel, 'assertion-request'));
  const direct = ['--app-port', app.ready];
  const name = 'verified key, lease rules and limits, where there is no tunnel';
  await throughput(name, await gateway(direct, 'none'), await gateway(direct, 'all'));
  await underFlood(guarded);
} finally {
  await Promise.all(peers.map((peer) => peer.stop()));
}
