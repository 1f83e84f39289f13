import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeaseIndex, type Listed } from './lease-index.ts';

const idOf = (letter: string): string => letter.repeat(26);
const one: Listed = { id: idOf('A'), name: 'App' };
const two: Listed = { id: idOf('B'), name: 'app' };
const three: Listed = { id: idOf('C'), name: 'Ünïcode' };

function find(index: LeaseIndex<Listed, string>, nameOrId: string): string {
  const found = index.find(nameOrId);
  return typeof found === 'string' ? found : found.lease.id;
}

test('an exact name wins over another case, and two of another case are ambiguous', () => {
  const index = new LeaseIndex([['r', [one, two]]]);
  assert.equal(find(index, 'App'), one.id);
  assert.equal(find(index, 'app'), two.id);
  assert.equal(find(index, 'APP'), 'ambiguous');
  assert.equal(find(index, 'apps'), 'unknown');
});

test('a name is found in any case and in any normal form', () => {
  const index = new LeaseIndex([['r', [three]]]);
  assert.equal(find(index, 'ÜNÏCODE'), three.id);
  assert.equal(find(index, 'ünïcode'.normalize('NFD')), three.id);
});

test('an id is found, and wins over a lease that is named like it', () => {
  const thief: Listed = { id: idOf('D'), name: one.id };
  const index = new LeaseIndex([['r', [thief, one]]]);
  assert.equal(find(index, one.id), one.id);
});

test('a lease on several relays is one lease with several sources', () => {
  const index = new LeaseIndex([
    ['r1', [one]],
    ['r2', [one, two]],
  ]);
  const found = index.find('App');
  assert.deepEqual(typeof found === 'object' && found.sources, ['r1', 'r2']);
});

test('a name that two relays give different ids is ambiguous', () => {
  const index = new LeaseIndex([
    ['r1', [one]],
    ['r2', [{ id: idOf('E'), name: 'App' }]],
  ]);
  assert.equal(find(index, 'App'), 'ambiguous');
});

test('a lease without a name is found by its id alone', () => {
  const index = new LeaseIndex([['r', [{ id: idOf('F'), name: '' }]]]);
  assert.equal(find(index, ''), 'unknown');
  assert.equal(find(index, idOf('F')), idOf('F'));
});
