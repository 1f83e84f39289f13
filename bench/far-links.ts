// Measures bulk transfers over a long path: MB/s down and up, on one stream and on four, with a
// delay either between gateway and relay or between relay and app. All processes run on this
// machine, so the CPU may be the limit: run with --delay 0 to see what the machine can carry.
//
//   node bench/far-links.ts --delay 40 --mib 128 --rounds 3 --far gateway,app
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { download, upload, type Target } from './load.ts';
import { startNode, type Peer } from './process.ts';

const { values: flags } = parseArgs({
  options: {
    /** Milliseconds each way: 40 means a round trip of 80 ms. */
    delay: { type: 'string', default: '40' },
    mib: { type: 'string', default: '128' },
    rounds: { type: 'string', default: '3' },
    far: { type: 'string', default: 'gateway,app' },
  },
});
const bulkBytes = Number(flags.mib) * 1_048_576;
/** The target, see bench/README.md. */
const barMbPerSecond = 50;

const folder = await mkdtemp(join(tmpdir(), 'portal-gateway-far-'));
const uploadFile = join(folder, 'upload');
const peers: Peer[] = [];
async function start(file: string, ...args: string[]): Promise<Peer> {
  const peer = await startNode(join(import.meta.dirname, 'peers', file), args);
  peers.push(peer);
  return peer;
}

const figures = new Map<string, number[]>();
/** Runs `streams` transfers concurrently. */
async function measure(name: string, streams: number, transfer: () => Promise<number>): Promise<void> {
  const startedAtMs = performance.now();
  await Promise.all(Array.from({ length: streams }, transfer));
  const seconds = (performance.now() - startedAtMs) / 1_000;
  figures.set(name, [...(figures.get(name) ?? []), (streams * bulkBytes) / 1e6 / seconds]);
}

async function round(far: string): Promise<void> {
  const relay = await start('relay.ts');
  const pipe = await start('delay-pipe.ts', new URL(relay.ready).port, flags.delay);
  const farUrl = `ws://127.0.0.1:${pipe.ready}/relay`;
  const app = await start('app.ts', far === 'app' ? farUrl : relay.ready, 'bench');
  /** A newly started gateway: no tunnel is open and no window has grown. */
  const fresh = async (): Promise<Target> => {
    const url = far === 'gateway' ? farUrl : relay.ready;
    const { ready } = await start('gateway.ts', '--relay', url, '--lease-id', app.ready);
    const [target = '', key = ''] = ready.split(' ');
    return { url: target, headers: { authorization: `Bearer ${key}` } };
  };
  const first = await fresh();
  await measure(`far ${far}, first down`, 1, () => download(first, bulkBytes));
  const target = await fresh();
  await measure(`far ${far}, first up`, 1, () => upload(target, uploadFile, bulkBytes));
  await download(target, bulkBytes);
  for (const streams of [1, 4]) {
    await measure(`far ${far}, ${streams} down`, streams, () => download(target, bulkBytes));
    await measure(`far ${far}, ${streams} up`, streams, () => upload(target, uploadFile, bulkBytes));
  }
  await stopAll();
}

async function stopAll(): Promise<void> {
  for (const peer of peers.splice(0).reverse()) await peer.stop();
}

try {
  const handle = await open(uploadFile, 'w');
  await handle.truncate(bulkBytes);
  await handle.close();
  for (let done = 0; done < Number(flags.rounds); done += 1) for (const far of flags.far.split(',')) await round(far);
  console.log(`MB/s, medians of ${flags.rounds} rounds, ${flags.mib} MiB a stream, ${flags.delay} ms each way`);
  for (const [name, values] of figures) {
    const median = values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
    const isBelow = median < barMbPerSecond;
    if (isBelow) process.exitCode = 1;
    const all = values.map((value) => value.toFixed(0)).join(' ');
    console.log(`${name.padEnd(26)}${median.toFixed(1).padStart(7)}  (${all})${isBelow ? ' below the minimum' : ''}`);
  }
} finally {
  await stopAll();
  await rm(folder, { recursive: true, force: true });
}
