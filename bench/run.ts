// The main comparison: small requests, long bodies and latency through nginx, a bare Node proxy,
// our gateway without the tunnel, and our gateway with relay and tunnel, all in one run on one
// machine. Prints a table; quote its ratios, never its absolute numbers.
//
//   make bench                      our relay
//   node bench/run.ts --relay ws://127.0.0.1:14017/relay --lease-id ID
//                                   a relay and an app that already run, e.g. the real ones
//   --only NAME,NAME  --rounds N  --seconds N  --mib N
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { download, paced, smallRequests, upload, type Target } from './load.ts';
import { startNginx } from './nginx.ts';
import { cpuSeconds, rssBytes, startNode, type Peer } from './process.ts';

const { values: flags } = parseArgs({
  options: {
    relay: { type: 'string' },
    'lease-id': { type: 'string' },
    only: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    mib: { type: 'string', default: '256' },
  },
});
const rounds = Number(flags.rounds);
const seconds = Number(flags.seconds);
const bulkBytes = Number(flags.mib) * 1024 * 1024;

interface Contender extends Target {
  readonly name: string;
  readonly peer: Peer;
}

const folder = await mkdtemp(join(tmpdir(), 'portal-gateway-bench-'));
const peers: Peer[] = [];
async function started(peer: Promise<Peer>): Promise<Peer> {
  const it = await peer;
  peers.push(it);
  return it;
}

async function contenders(): Promise<Contender[]> {
  const app = await started(startNode('bench/peers/app.ts', []));
  const nginx = await startNginx(app.ready, folder);
  peers.push(nginx.peer);
  const list: Contender[] = [{ name: 'nginx', url: nginx.url, headers: {}, peer: nginx.peer }];
  const direct = await started(startNode('bench/peers/direct-pipe.ts', [app.ready]));
  list.push({ name: 'direct pipe', url: `http://127.0.0.1:${direct.ready}`, headers: {}, peer: direct });
  const plain = await started(startNode('bench/peers/gateway.ts', ['--app-port', app.ready]));
  list.push(gatewayContender('gateway, no tunnel', plain));

  let relayUrl = flags.relay;
  let leaseId = flags['lease-id'];
  if (relayUrl === undefined || leaseId === undefined) {
    const relay = await started(startNode('bench/peers/relay.ts', []));
    relayUrl = relay.ready;
    leaseId = (await started(startNode('bench/peers/app.ts', [relayUrl, 'bench']))).ready;
  }
  const tunnel = await started(startNode('bench/peers/gateway.ts', ['--relay', relayUrl, '--lease-id', leaseId]));
  list.push(gatewayContender('gateway, relay, tunnel', tunnel));
  return flags.only === undefined
    ? list
    : list.filter(({ name }) => name === 'nginx' || flags.only?.split(',').some((part) => name.includes(part)));
}

/** A gateway peer prints `URL KEY`. */
function gatewayContender(name: string, peer: Peer): Contender {
  const [url = '', key = ''] = peer.ready.split(' ');
  return { name, url, headers: { authorization: `Bearer ${key}` }, peer };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
const results = new Map<string, Map<string, number[]>>();
function record(contender: Contender, figure: string, value: number): void {
  const figures = results.get(contender.name) ?? new Map<string, number[]>();
  results.set(contender.name, figures);
  figures.set(figure, [...(figures.get(figure) ?? []), value]);
}

async function costOf<T>(contender: Contender, work: () => Promise<T>): Promise<[T, number]> {
  const before = cpuSeconds(contender.peer.pid);
  const result = await work();
  return [result, cpuSeconds(contender.peer.pid) - before];
}

async function measure(contender: Contender, uploadFile: string): Promise<void> {
  const [small, smallCpu] = await costOf(contender, () => smallRequests(contender, seconds));
  record(contender, 'req/s', small.requestsPerSecond);
  record(contender, 'p50 ms', small.p50Ms);
  record(contender, 'p99 ms', small.p99Ms);
  record(contender, 'CPU s/10k', (smallCpu * 10_000) / small.requests);
  const latencies = await paced(contender, 200, 2);
  record(contender, '200/s p50 ms', latencies[Math.floor(latencies.length * 0.5)] ?? NaN);
  record(contender, '200/s p99 ms', latencies[Math.floor(latencies.length * 0.99)] ?? NaN);
  const gib = bulkBytes / 1024 ** 3;
  const [downSeconds, downCpu] = await costOf(contender, () => download(contender, bulkBytes));
  record(contender, 'down MB/s', bulkBytes / 1e6 / downSeconds);
  record(contender, 'down CPU s/GiB', downCpu / gib);
  const [upSeconds, upCpu] = await costOf(contender, () => upload(contender, uploadFile, bulkBytes));
  record(contender, 'up MB/s', bulkBytes / 1e6 / upSeconds);
  record(contender, 'up CPU s/GiB', upCpu / gib);
  record(contender, 'RSS MiB', rssBytes(contender.peer.pid) / 1024 ** 2);
}

function report(list: readonly Contender[]): void {
  const figures = [...(results.get('nginx')?.keys() ?? [])];
  console.log(`medians of ${rounds} rounds; in brackets the ratio to nginx in this run`);
  console.log(['', ...list.map(({ name }) => name)].map((cell) => cell.padEnd(24)).join(''));
  for (const figure of figures) {
    const base = median(results.get('nginx')?.get(figure) ?? []);
    const cells = list.map(({ name }) => {
      const value = median(results.get(name)?.get(figure) ?? []);
      return `${value.toFixed(value >= 100 ? 0 : 3)} (${(value / base).toFixed(2)})`;
    });
    console.log([figure, ...cells].map((cell) => cell.padEnd(24)).join(''));
  }
}

try {
  const uploadFile = join(folder, 'upload');
  const handle = await open(uploadFile, 'w');
  await handle.truncate(bulkBytes);
  await handle.close();
  const list = await contenders();
  for (const contender of list) await smallRequests(contender, 2); // warm-up
  for (let round = 0; round < rounds; round += 1) {
    for (const contender of list) await measure(contender, uploadFile);
  }
  report(list);
} finally {
  for (const peer of peers.reverse()) await peer.stop();
  await rm(folder, { recursive: true, force: true });
}
