// Compares two versions, A and B: two trees of this repository, or one tree with different Node
// options. Each gets a relay, an app and a gateway of its own. The rounds alternate between A and
// B, so that machine noise affects both alike. Prints the median CPU time of each process, with
// nginx for reference.
//
//   node bench/compare.ts --a ../main --b .  --rounds 5 --mib 256 --seconds 3 --only down,up,small
//   --a-options "--max-semi-space-size=64"   Node options of that side
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { download, smallRequests, upload, type Target } from './load.ts';
import { startNginx } from './nginx.ts';
import { cpuSeconds, startNode, type Peer } from './process.ts';

const { values: flags } = parseArgs({
  options: {
    a: { type: 'string', default: '.' },
    b: { type: 'string', default: '.' },
    'a-options': { type: 'string', default: '' },
    'b-options': { type: 'string', default: '' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    mib: { type: 'string', default: '256' },
    only: { type: 'string', default: 'down,up,small' },
  },
});
const seconds = Number(flags.seconds);
const bulkBytes = Number(flags.mib) * 1024 * 1024;

interface Side extends Target {
  readonly name: string;
  /** The measured setup: its name and its processes. */
  readonly processes: ReadonlyMap<string, Peer>;
}

const folder = await mkdtemp(join(tmpdir(), 'portal-gateway-compare-'));
const peers: Peer[] = [];
async function started(peer: Promise<Peer>): Promise<Peer> {
  const it = await peer;
  peers.push(it);
  return it;
}

async function stack(name: string, tree: string, options: string): Promise<Side> {
  const nodeOptions = options.split(' ').filter((option) => option !== '');
  const start = (file: string, args: string[]): Promise<Peer> =>
    started(startNode(join(tree, 'bench/peers', file), args, nodeOptions));
  const relay = await start('relay.ts', []);
  const app = await start('app.ts', [relay.ready, 'bench']);
  const gateway = await start('gateway.ts', ['--relay', relay.ready, '--lease-id', app.ready]);
  const [url = '', key = ''] = gateway.ready.split(' ');
  const processes = new Map([
    ['gateway', gateway],
    ['relay', relay],
    ['app', app],
  ]);
  return { name, url, headers: { authorization: `Bearer ${key}` }, processes };
}

const results = new Map<string, number[]>();
const record = (figure: string, value: number): void => {
  results.set(figure, [...(results.get(figure) ?? []), value]);
};
const sorted = (figure: string): number[] => (results.get(figure) ?? []).toSorted((a, b) => a - b);
const median = (values: readonly number[]): number => values[Math.floor(values.length / 2)] ?? NaN;
/** Median of the better half: the rounds that other load on the machine disturbed least. */
const undisturbed = (values: readonly number[]): number => median(values.slice(0, Math.ceil(values.length / 2)));

async function measure(side: Side, work: string, uploadFile: string): Promise<void> {
  const before = [...side.processes].map(([name, peer]) => [name, cpuSeconds(peer.pid)] as const);
  let amount: number;
  if (work === 'small') {
    const run = await smallRequests(side, seconds);
    amount = run.requests / 10_000;
    record(`${side.name} small rate`, run.requestsPerSecond);
  } else {
    const took = await (work === 'down' ? download(side, bulkBytes) : upload(side, uploadFile, bulkBytes));
    amount = bulkBytes / 1024 ** 3;
    record(`${side.name} ${work} rate`, bulkBytes / 1e6 / took);
  }
  for (const [name, cpuBefore] of before) {
    const peer = side.processes.get(name);
    if (peer !== undefined) record(`${side.name} ${work} ${name}`, (cpuSeconds(peer.pid) - cpuBefore) / amount);
  }
}

function line(work: string, what: string, of: (values: readonly number[]) => number): void {
  const [base = NaN, a = NaN, b = NaN] = ['nginx', 'A', 'B'].map((name) => of(sorted(`${name} ${work} ${what}`)));
  const cell = (value: number): string =>
    `${value.toFixed(what === 'rate' ? 0 : 3)}${what === 'gateway' ? ` (${(value / base).toFixed(2)}x nginx)` : ''}`;
  const change = `${((b / a - 1) * 100).toFixed(1)} %`;
  console.log(`${`${work} ${what}`.padEnd(16)}A ${cell(a).padEnd(22)}B ${cell(b).padEnd(22)}${change}`);
}

try {
  const uploadFile = join(folder, 'upload');
  const handle = await open(uploadFile, 'w');
  await handle.truncate(bulkBytes);
  await handle.close();
  const plainApp = await started(startNode('bench/peers/app.ts', []));
  const nginx = await startNginx(plainApp.ready, folder);
  peers.push(nginx.peer);
  const sides: Side[] = [
    { name: 'nginx', url: nginx.url, headers: {}, processes: new Map([['gateway', nginx.peer]]) },
    await stack('A', flags.a, flags['a-options']),
    await stack('B', flags.b, flags['b-options']),
  ];
  const works = flags.only.split(',');
  for (const side of sides) {
    await smallRequests(side, 2);
    await download(side, bulkBytes / 4);
  }
  for (let round = 0; round < Number(flags.rounds); round += 1) {
    for (const work of works) {
      for (const side of round % 2 === 0 ? sides : sides.toReversed()) await measure(side, work, uploadFile);
    }
  }
  for (const [title, of] of [['medians', median] as const, ['better half', undisturbed] as const]) {
    console.log(`\n${title} of ${flags.rounds} alternating rounds; CPU seconds per GiB or 10,000 requests`);
    for (const work of works) for (const process of ['gateway', 'relay', 'app']) line(work, process, of);
  }
  console.log('\nmedians, MB/s or requests/s');
  for (const work of works) line(work, 'rate', median);
} finally {
  for (const peer of peers.reverse()) await peer.stop();
  await rm(folder, { recursive: true, force: true });
}
