// The main comparison, all in one run on one machine: nginx, a bare Node proxy, and the built
// gateway with everything on and everything off, through our relay and our expose. Prints tables;
// quote their ratios, never their absolute numbers.
//
//   make bench                      builds, and measures everything
//   --relay URL                     a relay where an app is published as `bench`, e.g. a real one
//   --also 'NAME|URL|PID|HEADER'    another gateway that runs already; may be repeated
//   --base NAME                     the contender that ratios refer to (nginx)
//   --rows NAME,NAME  --rounds N  --seconds N  --mib N
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { download, encryptedRequests, paced, smallRequests, upload, type SmallLoad, type Target } from './load.ts';
import { startNginx } from './nginx.ts';
import { cpuSeconds, rssBytes, startNode, type Peer } from './process.ts';
import { publish, startGateway, type Variant } from './release.ts';
import { Figures } from './figures.ts';

const { values: flags } = parseArgs({
  options: {
    relay: { type: 'string' },
    also: { type: 'string', multiple: true, default: [] },
    base: { type: 'string', default: 'nginx' },
    rows: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    mib: { type: 'string', default: '256' },
  },
});
const rounds = Number(flags.rounds);
const seconds = Number(flags.seconds);
const bulkBytes = Number(flags.mib) * 1024 * 1024;
const wanted = flags.rows?.split(',');
const isWanted = (row: string): boolean => wanted?.includes(row) ?? true;

interface Contender extends Target {
  readonly name: string;
  readonly pid: number;
}

const loads: Readonly<Record<string, SmallLoad>> = {
  '1 KiB': { connections: 64, bytes: 1024 },
  '512 connections': { connections: 512, bytes: 1024 },
  '16 KiB': { connections: 64, bytes: 16 * 1024 },
  '256 KiB': { connections: 64, bytes: 256 * 1024 },
};

const folder = await mkdtemp(join(tmpdir(), 'portal-gateway-bench-'));
const uploadFile = join(folder, 'upload');
const peers: Peer[] = [];
const figures = new Figures();

async function costOf<T>(pid: number, work: () => Promise<T>): Promise<readonly [result: T, cpuSeconds: number]> {
  const before = cpuSeconds(pid);
  const result = await work();
  return [result, cpuSeconds(pid) - before];
}

async function contenders(appPort: string, relayUrl: string): Promise<Contender[]> {
  const nginx = await startNginx(appPort, folder);
  const bare = await startNode('bench/peers/direct-pipe.ts', [appPort]);
  peers.push(nginx.peer, bare);
  const list: Contender[] = [
    { name: 'nginx', url: nginx.url, headers: {}, pid: nginx.peer.pid },
    { name: 'bare Node proxy', url: `http://127.0.0.1:${bare.ready}`, headers: {}, pid: bare.pid },
  ];
  for (const variant of ['on', 'off'] as const) {
    const { peer, url, headers } = await startGateway({ folder, relayUrl, variant });
    peers.push(peer);
    list.push({ name: `everything ${variant}`, url, headers, pid: peer.pid });
  }
  for (const also of flags.also) {
    const [name = '', url = '', pid = '', header = ''] = also.split('|');
    const [field = '', value = ''] = header.split(': ');
    list.push({ name, url, headers: header === '' ? {} : { [field]: value }, pid: Number(pid) });
  }
  return list;
}

async function measure(contender: Contender): Promise<void> {
  const { name, pid } = contender;
  const record = (row: string, figure: string, value: number): void => {
    figures.record(name, `${row}: ${figure}`, value);
  };
  for (const [row, load] of Object.entries(loads).filter(([name]) => isWanted(name))) {
    const [result, cpu] = await costOf(pid, () => smallRequests(contender, seconds, load));
    record(row, 'req/s', result.requestsPerSecond);
    record(row, 'p50 ms', result.p50Ms);
    record(row, 'p99 ms', result.p99Ms);
    record(row, 'CPU s/10k', (cpu * 10_000) / result.requests);
  }
  if (isWanted('200/s')) {
    const latencies = await paced(contender, 200, 2);
    record('200/s', 'p50 ms', latencies[Math.floor(latencies.length * 0.5)] ?? NaN);
    record('200/s', 'p99 ms', latencies[Math.floor(latencies.length * 0.99)] ?? NaN);
  }
  const gib = bulkBytes / 1024 ** 3;
  for (const [row, transfer] of [
    ['download', () => download(contender, bulkBytes)],
    ['upload', () => upload(contender, uploadFile, bulkBytes)],
  ] as const) {
    if (!isWanted(row)) continue;
    const [took, cpu] = await costOf(pid, transfer);
    record(row, 'MB/s', bulkBytes / 1e6 / took);
    record(row, 'CPU s/GiB', cpu / gib);
  }
  record('memory', 'RSS MiB', rssBytes(pid) / 1024 ** 2);
}

/** The same requests over TLS with HTTP/1.1 and with HTTP/2. */
async function compareHttp2(relayUrl: string): Promise<void> {
  const { peer, url, headers } = await startGateway({ folder, relayUrl, variant: 'tls' });
  peers.push(peer);
  const requests = 5_000 * seconds;
  for (let round = 0; round <= rounds; round += 1) {
    for (const version of ['1.1', '2'] as const) {
      const [result, cpu] = await costOf(peer.pid, () => encryptedRequests({ url, headers }, version, requests));
      if (round === 0) continue; // warm-up
      figures.record(`HTTP/${version}`, 'req/s', result.requestsPerSecond);
      figures.record(`HTTP/${version}`, 'mean ms', result.p50Ms);
      figures.record(`HTTP/${version}`, 'CPU s/10k', (cpu * 10_000) / requests);
    }
  }
  figures.print(['HTTP/1.1', 'HTTP/2'], 'HTTP/1.1', 'over TLS');
}

/** A start until the first 200, and the memory two seconds after it. */
async function compareStarts(relayUrl: string): Promise<void> {
  const rules = Array.from({ length: 45_000 }, (_, i) => `  app-${i}: [bench]\n`).join('');
  const starts: readonly (readonly [name: string, variant: Variant, extra: string])[] = [
    ['everything on', 'on', ''],
    ['everything off', 'off', ''],
    ['45,000 leases', 'on', `leases:\n${rules.replaceAll('[bench]', '{ required_scopes: [read] }')}`],
  ];
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, variant, extra] of starts) {
      const { peer, firstResponseMs } = await startGateway({ folder, relayUrl, variant, extra });
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      figures.record(name, 'first 200, ms', firstResponseMs);
      figures.record(name, 'RSS MiB', rssBytes(peer.pid) / 1024 ** 2);
      await peer.stop();
    }
  }
  figures.print(['everything on', 'everything off', '45,000 leases'], 'everything off', 'start');
}

try {
  const handle = await open(uploadFile, 'w');
  await handle.truncate(bulkBytes);
  await handle.close();
  const app = await startNode('bench/peers/app.ts', []);
  peers.push(app);
  const ours = flags.relay === undefined ? await publish(app.ready, folder) : { relayUrl: flags.relay, peers: [] };
  peers.push(...ours.peers);
  const list = await contenders(app.ready, ours.relayUrl);
  for (const contender of list) await smallRequests(contender, 6); // warm-up: Node needs 40,000 requests
  for (let round = 0; round < rounds; round += 1) {
    for (const contender of round % 2 === 0 ? list : list.toReversed()) await measure(contender);
  }
  const names = list.map(({ name }) => name);
  figures.print(names, flags.base, `medians of ${rounds} rounds`);
  if (isWanted('http2')) await compareHttp2(ours.relayUrl);
  if (isWanted('start')) await compareStarts(ours.relayUrl);
} finally {
  for (const peer of peers.reverse()) await peer.stop();
  await rm(folder, { recursive: true, force: true });
}
