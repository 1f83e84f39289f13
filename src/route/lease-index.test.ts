import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeaseIndex, type Listed } from './lease-index.ts';
import { NameBindings, type NameBindingMode } from './name-bindings.ts';

const idOf = (letter: string): string => letter.repeat(26);
const one: Listed = { id: idOf('A'), name: 'App' };
const two: Listed = { id: idOf('B'), name: 'app' };
const three: Listed = { id: idOf('C'), name: 'Ünïcode' };

type Lists = readonly (readonly [string, readonly Listed[]])[];

function bindings(mode: NameBindingMode = 'first'): NameBindings {
  return new NameBindings({ mode: () => mode });
}

/** Builds the index in one go. */
function built(lists: Lists, names = bindings()): LeaseIndex<Listed, string> {
  const work = LeaseIndex.build(lists, names);
  for (;;) {
    const step = work.next();
    if (step.done !== true) continue;
    names.endRound(step.value.nameCount);
    return step.value;
  }
}

function find(index: LeaseIndex<Listed, string>, nameOrId: string): string {
  const found = index.find(nameOrId);
  return typeof found === 'string' ? found : found.lease.id;
}

test('finds a name in any letter case and normal form', () => {
  const names: [listed: string, spelling: string][] = [
    ['Ünïcode', 'ÜNÏCODE'],
    ['Ünïcode', 'ünïcode'.normalize('NFD')],
    ['H\u0331', '\u1e96'], // composes only in lower case
    ['ΟΔΟΣ', 'οδος'],
  ];
  for (const [name, spelling] of names) {
    const index = built([['r', [{ ...three, name }]]]);
    assert.equal(find(index, spelling), three.id, spelling);
  }
});

test('two new leases whose names differ only in case are ambiguous in every spelling, and found by their ids', () => {
  const index = built([['r', [one, two]]]);
  for (const name of ['App', 'app', 'APP']) assert.equal(find(index, name), 'ambiguous');
  assert.equal(find(index, one.id), one.id);
  assert.equal(find(index, two.id), two.id);
  assert.equal(find(index, 'apps'), 'unknown');
});

test('the lease that had a name keeps it while listed; the twin is found by its id, without the name', () => {
  const names = bindings();
  built([['r', [one]]], names);
  for (const lists of [
    [['r', [one, two]]],
    [['r', [two, one]]],
    [
      ['r', [two]],
      ['r2', [one]],
    ],
  ] as Lists[]) {
    const index = built(lists, names);
    for (const name of ['App', 'app', 'aPP']) assert.equal(find(index, name), one.id);
    const twin = index.find(two.id);
    assert.ok(typeof twin === 'object');
    assert.deepEqual([twin.lease.name, twin.names, twin.claims, twin.host], ['', [], ['app'], two.id]);
    assert.deepEqual(index.refusedNames, [{ name: 'app', id: two.id, holder: one.id, sources: ['r'] }]);
  }
});

test('the name of a removed lease moves to a single other lease, and back only once that one is gone', () => {
  const names = bindings();
  assert.equal(find(built([['r', [one]]], names), 'app'), one.id);
  const moved = LeaseIndex.build([['r', [two]] as const], names);
  while (moved.next().done !== true);
  assert.deepEqual(names.endRound(1), [{ name: 'app', from: [one.id], to: two.id }]);
  assert.equal(find(built([['r', [one, two]]], names), 'app'), two.id);
  assert.equal(find(built([['r', [one]]], names), 'app'), one.id);
});

test('the name of a removed lease is ambiguous between two others, and remembered in the meantime', () => {
  const names = bindings();
  built([['r', [one]]], names);
  const other = { id: idOf('D'), name: 'APP' };
  assert.equal(find(built([['r', [two, other]]], names), 'app'), 'ambiguous');
  assert.equal(find(built([['r', [two, other, one]]], names), 'app'), one.id);
});

test('a lease that a dial reports as unknown loses its name to a single other lease, even if still listed', () => {
  const names = bindings();
  built([['r', [one]]], names);
  names.doubt(one.id);
  assert.equal(find(built([['r', [one]]], names), 'app'), one.id);
  names.doubt(one.id);
  assert.equal(find(built([['r', [one, two]]], names), 'app'), two.id);
  assert.equal(find(built([['r', [one, two]]], names), 'app'), two.id);
});

test('strict: a new id gets a known name only after it is accepted, whether listed with the known one or alone', () => {
  const names = bindings('strict');
  assert.equal(find(built([['r', [one]]], names), 'app'), one.id);
  assert.equal(find(built([['r', [one, two]]], names), 'app'), one.id);
  assert.equal(find(built([['r', []]], names), 'app'), 'unknown');
  names.doubt(one.id);
  const index = built([['r', [two]]], names);
  assert.equal(find(index, 'App'), 'not_accepted');
  assert.equal(find(index, two.id), two.id);
  assert.deepEqual(index.refusedNames, [{ name: 'app', id: two.id, holder: undefined, sources: ['r'] }]);
  names.restore([['app', two.id]]);
  assert.equal(find(built([['r', [one, two]]], names), 'app'), two.id);
});

test('the name (unnamed) is never bound to a lease', () => {
  const unnamed = [idOf('A'), idOf('B')].map((id) => ({ id, name: '(unnamed)' }));
  const names = bindings();
  assert.equal(find(built([['r', unnamed.slice(0, 1)]], names), '(unnamed)'), idOf('A'));
  const index = built([['r', unnamed]], names);
  assert.equal(find(index, '(unnamed)'), 'ambiguous');
  assert.deepEqual(index.refusedNames, []);
});

test('text in the form of an id finds that id in any case, and never a name', () => {
  const index = built([['r', [one]]]);
  for (const text of [one.id, one.id.toLowerCase(), `a${one.id.slice(1)}`]) assert.equal(find(index, text), one.id);
  assert.equal(find(index, two.id.toLowerCase()), 'unknown');
});

test('a lease on several relays is one lease with several sources and all its names', () => {
  const index = built([
    ['r1', [one]],
    ['r2', [{ ...one, name: 'renamed' }, three]],
  ]);
  const found = index.find('App');
  assert.ok(typeof found === 'object');
  assert.deepEqual(
    [found.sources, found.names],
    [
      ['r1', 'r2'],
      ['App', 'renamed'],
    ],
  );
});

test('a name that two relays give different ids is ambiguous', () => {
  const index = built([
    ['r1', [one]],
    ['r2', [{ id: idOf('E'), name: 'App' }]],
  ]);
  assert.equal(find(index, 'App'), 'ambiguous');
});

test('a lease without a name is found only by its id', () => {
  const index = built([['r', [{ id: idOf('F'), name: '' }]]]);
  assert.equal(find(index, ''), 'unknown');
  assert.equal(find(index, idOf('F')), idOf('F'));
});
