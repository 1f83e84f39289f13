// A relay's lease list is untrusted input: whatever it contains, the event loop keeps running,
// memory stays bounded, and the honest leases in it are found.
import assert from 'node:assert/strict';
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, test, type TestContext } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import { createCredential } from '../../src/portal/identity.ts';
import { LeaseDirectory } from '../../src/route/lease-directory.ts';
import type { Lease, Transport } from '../../src/upstream/transport.ts';
import { createTransport } from '../../src/upstream/create-transport.ts';
import { startListingRelay, type ListPart } from '../helpers/listing-relay.ts';
import { assertShortTurns, turnCpuOf } from '../helpers/turn-cpu.ts';

const honest: ListPart = { count: 1, name: 'honest' };
const shared = 'S'.repeat(26);
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

type Directory = LeaseDirectory<Lease, Transport>;

interface Bench {
  readonly directory: Directory;
  /** Makes all lists so far too old to be used. */
  readonly age: () => void;
}

async function connected(t: TestContext, parts: readonly ListPart[], maxLeases = 60_000): Promise<Bench> {
  const transport = createTransport({ url: await startListingRelay(t, parts), credential: createCredential() });
  t.after(() => transport.close());
  await transport.ready(AbortSignal.timeout(20_000));
  let skewMs = 0;
  const directory = new LeaseDirectory<Lease, Transport>([transport], {
    clock: { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + skewMs },
    ttlMs: () => 10_000,
    maxLeases: () => maxLeases,
    listTimeoutMs: 60_000,
  });
  return { directory, age: () => (skewMs += 60_000) };
}

async function kindOf(directory: Directory, name: string): Promise<string> {
  return (await directory.find(name)).kind;
}

describe('lists that would block the loop for seconds if decoded and indexed as a whole', () => {
  const lists: [what: string, parts: ListPart[]][] = [
    ['50,000 leases', [{ count: 50_000, name: 'lease-#' }, honest]],
    ['one id under 30,000 names', [{ count: 30_000, id: shared, name: 'name-#' }, honest]],
    ['one id listed 30,000 times', [{ count: 30_000, id: shared, name: 'name' }, honest]],
    ['30,000 leases with one name', [{ count: 30_000, name: 'Twin' }, honest]],
    ['20 leases with 2 MB of metadata each', [{ count: 20, name: 'fat-#', metadataBytes: 2_000_000 }, honest]],
    ['30,000 names of the maximum length', [{ count: 30_000, name: `${'é'.repeat(120)}#` }, honest]],
  ];
  for (const [what, parts] of lists) {
    test(what, async (t) => {
      const { directory, age } = await connected(t, parts);
      // The first list is read with cold code; the second is compared with the first.
      for (const round of ['first', 'second']) {
        await assertShortTurns(t, `${round} list`, async () => {
          let kind = '';
          const { maxMs } = await turnCpuOf(async () => (kind = await kindOf(directory, 'honest')));
          assert.equal(kind, 'found');
          age();
          return maxMs;
        });
      }
    });
  }
});

test('the work grows linearly with the list', async (t) => {
  async function cost(parts: readonly ListPart[]): Promise<number> {
    const { directory, age } = await connected(t, [...parts, honest]);
    await kindOf(directory, 'honest');
    const costs: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      age();
      costs.push((await turnCpuOf(() => kindOf(directory, 'honest'))).totalMs);
    }
    return Math.min(...costs);
  }
  const shapes: ((count: number) => ListPart)[] = [
    (count) => ({ count, name: 'lease-#' }),
    (count) => ({ count, id: shared, name: 'name-#' }),
    (count) => ({ count, name: 'Twin' }),
  ];
  for (const shape of shapes) {
    const [small, large] = [await cost([shape(10_000)]), await cost([shape(40_000)])];
    t.diagnostic(`${small.toFixed(0)} ms for 10,000 entries, ${large.toFixed(0)} ms for 40,000`);
    // The list is four times as long; quadratic code would take sixteen times as long.
    assert.ok(large < 8 * small + 20, `${small} ms, then ${large} ms`);
  }
});

test('keeps none of 40 MB of metadata, and never holds much of it', async (t) => {
  const { directory } = await connected(t, [{ count: 20, name: 'fat-#', metadataBytes: 2_000_000 }, honest]);
  const before = process.memoryUsage().arrayBuffers;
  let peak = 0;
  // Copies of chunks become garbage at once, but are not collected at once.
  const watch = setInterval(() => {
    collectGarbage();
    peak = Math.max(peak, process.memoryUsage().arrayBuffers - before);
  }, 5);
  assert.equal(await kindOf(directory, 'honest'), 'found');
  clearInterval(watch);
  t.diagnostic(`${(peak / 2 ** 20).toFixed(1)} MiB of buffers at most`);
  assert.ok(peak < 16 * 2 ** 20, `${peak} bytes`);
  assert.equal(directory.known('fat-1')?.metadata, '');
});

test('uses a list that is too long up to the limit, and counts the rest', async (t) => {
  const { directory } = await connected(t, [{ count: 1_000, name: 'lease-#' }, honest], 100);
  assert.equal(await kindOf(directory, 'lease-100'), 'found');
  assert.equal(await kindOf(directory, 'honest'), 'unknown');
  assert.deepEqual([...(directory.status()[0]?.ignored ?? [])], [['too_many_leases', 901]]);
});

test('limits the names of one id, and counts the excess', async (t) => {
  const { directory } = await connected(t, [{ count: 1_000, id: shared, name: 'name-#' }]);
  const response = await directory.find(shared);
  assert.equal(response.kind === 'found' && response.found.names.length, 8);
  assert.deepEqual([...(directory.status()[0]?.ignored ?? [])], [['too_many_names', 992]]);
});
