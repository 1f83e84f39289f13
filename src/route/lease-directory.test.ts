import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeaseDirectory, type LeaseSource } from './lease-directory.ts';
import type { Listed } from './lease-index.ts';

class Source implements LeaseSource<Listed> {
  leases: Listed[] = [];
  listed = 0;
  current: 'up' | 'down' = 'up';
  response: ((leases: Listed[]) => Promise<Listed[]>) | undefined;

  state(): 'up' | 'down' {
    return this.current;
  }

  list(): Promise<Listed[]> {
    this.listed += 1;
    return this.response?.([...this.leases]) ?? Promise.resolve([...this.leases]);
  }
}

const demo: Listed = { id: 'A'.repeat(26), name: 'demo' };

interface Bench {
  readonly source: Source;
  readonly directory: LeaseDirectory<Listed, Source>;
  readonly clock: { nowMs: number };
  readonly kind: (name: string) => Promise<string>;
}

function bench(): Bench {
  const clock = { nowMs: 0 };
  const source = new Source();
  source.leases = [demo];
  const directory = new LeaseDirectory<Listed, Source>([source], {
    clock: { monotonicMs: () => clock.nowMs, wallMs: () => 0 },
    ttlMs: () => 10_000,
  });
  return { source, directory, clock, kind: async (name) => (await directory.find(name)).kind };
}

test('concurrent lookups send the relay one request', async () => {
  const { source, kind } = bench();
  const kinds = await Promise.all(Array.from({ length: 50 }, () => kind('demo')));
  assert.deepEqual(new Set(kinds), new Set(['found']));
  assert.equal(source.listed, 1);
});

test('a known name resolves at once, and is refreshed in the background after 10 s', async () => {
  const { source, directory, clock, kind } = bench();
  await kind('demo');
  clock.nowMs = 10_000;
  assert.ok(!(directory.find('demo') instanceof Promise));
  assert.equal(source.listed, 1);
  clock.nowMs = 10_001;
  assert.ok(!(directory.find('demo') instanceof Promise));
  assert.equal(source.listed, 2);
});

test('after twice that time an entry is not used without a refresh', async () => {
  const { source, directory, clock, kind } = bench();
  await kind('demo');
  source.leases = [];
  clock.nowMs = 20_001;
  assert.ok(directory.find('demo') instanceof Promise);
  assert.equal(await kind('demo'), 'lost');
});

test('a recently listed lease is looked up ten times a second, for a minute', async () => {
  const { source, clock, kind } = bench();
  await kind('demo');
  source.leases = [];
  clock.nowMs = 20_001;
  assert.equal(await kind('DEMO'), 'lost');
  clock.nowMs += 99;
  assert.equal(await kind(demo.id), 'lost');
  assert.equal(source.listed, 2);
  source.leases = [demo];
  clock.nowMs += 1;
  assert.equal(await kind('demo'), 'found');
  source.leases = [];
  clock.nowMs += 20_001;
  assert.equal(await kind('demo'), 'lost');
  clock.nowMs += 60_000;
  assert.equal(await kind('demo'), 'unknown');
});

test('a new lease is found at once, and unknown names cost the relay one request a second', async () => {
  const { source, clock, kind } = bench();
  await kind('demo');
  clock.nowMs = 1_500;
  source.leases.push({ id: 'B'.repeat(26), name: 'new' });
  assert.equal(await kind('new'), 'found');
  assert.equal(source.listed, 2);
  for (let i = 0; i < 100; i += 1) assert.equal(await kind(`no-${i}`), 'unknown');
  assert.equal(source.listed, 2);
  clock.nowMs = 2_500;
  assert.equal(await kind('no'), 'unknown');
  assert.equal(source.listed, 3);
});

test('looks up a lease again that a dial has shown to be gone', async () => {
  const { source, directory, clock, kind } = bench();
  await kind('demo');
  source.leases = [{ id: 'C'.repeat(26), name: 'demo' }];
  clock.nowMs = 1_500;
  directory.forget(demo.id);
  const response = await directory.find('demo');
  assert.equal(response.kind === 'found' && response.found.lease.id, 'C'.repeat(26));
});

test('without a connected relay reports that, not an unknown lease', async () => {
  const { source, kind } = bench();
  source.current = 'down';
  assert.equal(await kind('demo'), 'no_relay');
  assert.equal(source.listed, 0);
});

test('a relay that fails to list keeps its last list', async () => {
  const { source, directory, clock, kind } = bench();
  await kind('demo');
  source.response = () => Promise.reject(new Error('lost'));
  clock.nowMs = 30_000;
  const response = await directory.find('demo');
  assert.equal(response.kind, 'found');
});
