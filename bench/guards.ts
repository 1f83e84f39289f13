// What the checks before the app cost, each against its absence in one run: a verified key with limits against none, wrong keys against
// callers who were verified before, lease rules by their number. Quote ratios.
//
//   node bench/guards.ts [--rounds N] [--seconds N]
import { Agent, get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createApiKey } from '../src/auth/api-key.ts';
import { Acl } from '../src/guard/acl.ts';
import { paced, smallRequests, type Target } from './load.ts';
import { startNode, type Peer } from './process.ts';

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
    const times = Array.from({ length: rounds + 1 }, () => {
      const startMs = performance.now();
      for (let i = 0; i < 200_000; i += 1) acl.decide(targets[i % 100] ?? { id: '', names: [] }, who);
      return ((performance.now() - startMs) * 1e6) / 200_000;
    });
    // The first round is the compiler's.
    console.log(`lease rules, ${count}: ${median(times.slice(1)).toFixed(0)} ns a look-up`);
  }
}

/** A gateway peer prints `URL KEY`. */
function targetOf({ ready }: Peer): Target {
  const [url = '', key = ''] = ready.split(' ');
  return { url, headers: { authorization: `Bearer ${key}` } };
}

async function throughput(open: Target, guarded: Target): Promise<void> {
  const ratios: number[] = [];
  for (let i = 0; i < rounds; i += 1) {
    // In turns, so that both meet the same neighbours.
    const without = await smallRequests({ ...open, headers: {} }, seconds);
    const withAll = await smallRequests(guarded, seconds);
    ratios.push(withAll.requestsPerSecond / without.requestsPerSecond);
  }
  const shown = ratios.map((ratio) => ratio.toFixed(3)).join(' ');
  console.log(
    `verified key, lease rules and limits: ${median(ratios).toFixed(3)} of the throughput without (${shown})`,
  );
}

/** Wrong keys, each another one, until stopped. */
async function flood({ url }: Target, signal: AbortSignal): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const startMs = performance.now();
  let sent = 0;
  while (!signal.aborted) {
    const due = ((performance.now() - startMs) * floodPerSecond) / 1000;
    for (; sent < due; sent += 1) {
      get(url, { agent, headers: { authorization: `Bearer ${createApiKey('live')}` } }, (answer) => {
        answer.resume();
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
  const open = targetOf(await start('bench/peers/gateway.ts', '--app-port', app.ready, '--guards', 'none'));
  const guarded = targetOf(await start('bench/peers/gateway.ts', '--app-port', app.ready, '--guards', 'all'));
  // Verified once: many first requests at once would be slowed as failures until it is.
  await paced(guarded, 1, 1);
  await throughput(open, guarded);
  await underFlood(guarded);
} finally {
  await Promise.all(peers.map((peer) => peer.stop()));
}
