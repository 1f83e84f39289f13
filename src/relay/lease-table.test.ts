import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { WireLease } from '../portal/packets/wire-types.ts';
import { LeaseTable } from './lease-table.ts';
import { defaultLimits } from './relay-limits.ts';

let nowMs = 0;
let dropped: string[] = [];
const clock = { monotonicMs: () => nowMs, wallMs: () => assert.fail('leases last for durations') };

beforeEach(() => {
  nowMs = 1_000_000;
  dropped = [];
});

function table(limits: Partial<typeof defaultLimits> = {}): LeaseTable<string> {
  return new LeaseTable(clock, { ...defaultLimits, ...limits }, (record, reason) => {
    dropped.push(`${record.id} ${reason}`);
  });
}

function lease(name: string, fields: Partial<WireLease> = {}): WireLease {
  return { identity: undefined, expires: 1_030n, name, alpn: ['http/1.1'], metadata: '', ...fields };
}

test('a lease is found until it expires, and then its name is free', () => {
  const leases = table();
  assert.equal(leases.register('A', lease('app'), 30_000, 'holder'), 'registered');
  nowMs = 1_029_999;
  assert.equal(leases.find('A')?.lease.name, 'app');
  assert.equal(leases.register('B', lease('app'), 30_000, 'other'), 'name_taken');
  nowMs = 1_030_000;
  assert.equal(leases.find('A'), undefined);
  assert.deepEqual(dropped, ['A expired']);
  assert.equal(leases.register('B', lease('app'), 30_000, 'other'), 'registered');
});

test('listing and sweeping respect expiry without a lookup', () => {
  const leases = table();
  leases.register('A', lease('a'), 30_000, 'holder');
  leases.register('B', lease('b'), 60_000, 'holder');
  nowMs = 1_030_000;
  assert.deepEqual(
    leases.list().map(({ name }) => name),
    ['b'],
  );
  nowMs = 1_060_000;
  leases.sweep();
  assert.equal(leases.size, 0);
  assert.deepEqual(dropped, ['A expired', 'B expired']);
});

test('renewal extends a lease and may change everything but the id', () => {
  const leases = table();
  leases.register('A', lease('old'), 30_000, 'holder');
  assert.equal(leases.register('A', lease('new', { metadata: '{}' }), 60_000, 'holder'), 'renewed');
  assert.equal(leases.register('B', lease('old'), 30_000, 'holder'), 'registered', 'the old name is free');
  assert.equal(leases.register('C', lease('new'), 30_000, 'holder'), 'name_taken');
  nowMs = 1_059_000;
  assert.equal(leases.find('A')?.lease.metadata, '{}');
  assert.deepEqual(dropped, [], 'nothing is dropped by a renewal');
});

test('rejects a lease with no duration, even if everything else is valid', () => {
  const leases = table();
  for (const lastsMs of [0, -1_000, -Infinity]) {
    assert.equal(leases.register('A', lease('a'), lastsMs, 'holder'), 'expired');
  }
  assert.equal(leases.register('A', lease('a'), Number(2n ** 63n) * 1_000, 'holder'), 'registered');
});

test('names conflict in any letter case and normal form; the empty name and (unnamed) never conflict', () => {
  const leases = table();
  assert.equal(leases.register('A', lease('Ünïcode'), 30_000, 'h'), 'registered');
  for (const name of ['Ünïcode', 'ünïcode', 'ÜNÏCODE', 'ünïcode'.normalize('NFD')])
    assert.equal(leases.register('B', lease(name), 30_000, 'h'), 'name_taken', name);
  assert.equal(leases.register('A', lease('ünïcode'), 30_000, 'h'), 'renewed', 'the holder may change the spelling');
  assert.equal(leases.register('A', lease('other'), 30_000, 'h'), 'renewed');
  assert.equal(leases.register('B', lease('ÜNÏCODE'), 30_000, 'h'), 'registered', 'the name is free');
  for (const id of ['D', 'E']) assert.equal(leases.register(id, lease(''), 30_000, 'h'), 'registered');
  for (const id of ['F', 'G']) assert.equal(leases.register(id, lease('(unnamed)'), 30_000, 'h'), 'registered');
});

test('rejects a name in the form of an id, in any letter case', () => {
  const id = 'ABCDEFGHIJKLMNOPQRSTUVWX27';
  for (const name of [id, id.toLowerCase(), `a${id.slice(1)}`])
    assert.equal(table().register('A', lease(name), 30_000, 'h'), 'bad_name', name);
  for (const name of [`${id}a`, id.slice(1), `${id.slice(1)}1`])
    assert.equal(table().register('A', lease(name), 30_000, 'h'), 'registered', name);
});

test('limits the leases of an address over all its connections, in number and to a quarter of all bytes', () => {
  const leases = table({ leasesPerAddress: 2, directoryBytes: 4_000 });
  for (const id of ['A', 'B'])
    assert.equal(leases.register(id, lease(id), 30_000, `of ${id}`, '192.0.2.1'), 'registered');
  assert.equal(leases.register('C', lease('c'), 30_000, 'of C', '192.0.2.1'), 'too_many_leases');
  assert.equal(
    leases.register('A', lease('A'), 30_000, 'of A', '192.0.2.1'),
    'renewed',
    'a renewal does not count as another lease',
  );
  assert.equal(leases.register('C', lease('c'), 30_000, 'of C', '192.0.2.2'), 'registered');
  assert.equal(
    leases.register('C', lease('c'), 30_000, 'of A', '192.0.2.1'),
    'too_many_leases',
    'it counts for its new address',
  );
  leases.delete('A', 'of A');
  const fat = lease('fat', { metadata: 'x'.repeat(1_000) });
  assert.equal(leases.register('F', fat, 30_000, 'of F', '192.0.2.3'), 'too_many_leases');
  assert.equal(leases.register('F', { ...fat, metadata: 'x'.repeat(800) }, 30_000, 'of F', '192.0.2.3'), 'registered');
  leases.dropHolder('of F');
  assert.equal(leases.register('F', { ...fat, metadata: 'y'.repeat(900) }, 30_000, 'of F', '192.0.2.3'), 'registered');
});

test('the last registration of an identity wins, and losing the first connection does not affect it', () => {
  const leases = table();
  leases.register('A', lease('app'), 30_000, 'first');
  assert.equal(leases.register('A', lease('app'), 30_000, 'second'), 'registered');
  assert.deepEqual(dropped, ['A moved']);
  leases.dropHolder('first');
  assert.equal(leases.find('A')?.holder, 'second');
  leases.dropHolder('second');
  assert.equal(leases.find('A'), undefined);
  assert.deepEqual(dropped, ['A moved', 'A connection_lost']);
});

test('only the holder may delete', () => {
  const leases = table();
  leases.register('A', lease('app'), 30_000, 'holder');
  assert.equal(leases.delete('A', 'thief'), false);
  assert.equal(leases.delete('B', 'holder'), false);
  assert.equal(leases.delete('A', 'holder'), true);
  assert.equal(leases.delete('A', 'holder'), false);
  assert.equal(leases.register('B', lease('app'), 30_000, 'x'), 'registered', 'the name is free');
});

test('each limit accepts values at the limit and rejects values above', () => {
  const leases = table({ nameBytes: 300, metadataBytes: 10, alpnCount: 2, alpnBytes: 8 });
  assert.equal(leases.register('A', lease('ä'.repeat(150)), 30_000, 'h'), 'registered');
  assert.equal(leases.register('A', lease('ä'.repeat(150) + 'x'), 30_000, 'h'), 'bad_name');
  assert.equal(leases.register('A', lease('a', { metadata: 'x'.repeat(10) }), 30_000, 'h'), 'renewed');
  assert.equal(leases.register('A', lease('a', { metadata: 'x'.repeat(11) }), 30_000, 'h'), 'metadata_too_large');
  assert.equal(leases.register('A', lease('a', { alpn: ['http/1.1', 'http/1.1'] }), 30_000, 'h'), 'renewed');
  assert.equal(leases.register('A', lease('a', { alpn: ['http/1.10'] }), 30_000, 'h'), 'bad_alpn');
  assert.equal(leases.register('A', lease('a', { alpn: ['a', 'b', 'c'] }), 30_000, 'h'), 'bad_alpn');
});

test('limits the leases of a connection, in number and bytes; a renewal does not count as another lease', () => {
  const perHolder = table({ leasesPerConnection: 1 });
  assert.equal(perHolder.register('A', lease('a'), 30_000, 'h'), 'registered');
  assert.equal(perHolder.register('B', lease('b'), 30_000, 'h'), 'too_many_leases');
  assert.equal(perHolder.register('A', lease('a'), 30_000, 'h'), 'renewed');
  assert.equal(perHolder.register('B', lease('b'), 30_000, 'other'), 'registered');
  assert.equal(
    perHolder.register('A', lease('a'), 30_000, 'other'),
    'too_many_leases',
    'a moved lease counts for its new holder',
  );
  const inAll = table({ leases: 1 });
  assert.equal(inAll.register('A', lease('a'), 30_000, 'h'), 'registered');
  assert.equal(inAll.register('B', lease('b'), 30_000, 'other'), 'too_many_leases');
  assert.equal(inAll.register('A', lease('a'), 30_000, 'other'), 'registered');
  const bytes = table({ directoryBytes: 4_000 });
  const fat = (id: string, letter: string): string =>
    bytes.register(id, lease(id, { metadata: letter.repeat(900) }), 30_000, 'h', `192.0.2.${id}`);
  for (const id of ['1', '2', '3', '4']) assert.equal(fat(id, 'x'), 'registered');
  assert.equal(fat('5', 'x'), 'too_many_leases');
  assert.equal(fat('4', 'y'), 'renewed');
  bytes.dropHolder('h');
  assert.equal(fat('5', 'x'), 'registered');
});

test('the version changes only when the list changes', () => {
  const leases = table();
  const versions = new Set([leases.version]);
  leases.register('A', lease('a'), 30_000, 'h');
  versions.add(leases.version);
  leases.register('B', lease('a'), 30_000, 'h');
  leases.find('A');
  leases.sweep();
  versions.add(leases.version);
  assert.equal(versions.size, 2);
  nowMs = 1_030_000;
  leases.sweep();
  versions.add(leases.version);
  assert.equal(versions.size, 3);
});
