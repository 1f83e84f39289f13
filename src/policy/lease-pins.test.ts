import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeasePins } from './lease-pins.ts';

const id = 'ABCDEFGHIJKLMNOPQRSTUVWX27';
const other = 'ZZZZZZZZZZZZZZZZZZZZZZZZ22';

test('a pin applies to a name in any letter case, and never to an id', () => {
  const pins = new LeasePins({ Bank: id, [id]: other, [id.toLowerCase()]: other });
  for (const name of ['bank', 'BANK']) assert.equal(pins.idOf(name), id);
  for (const text of [id, id.toLowerCase()]) assert.equal(pins.idOf(text), undefined);
  assert.deepEqual(pins.namesOf(other, []), []);
});
