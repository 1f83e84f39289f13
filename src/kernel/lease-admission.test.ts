import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeaseAdmission } from './lease-admission.ts';

const id = 'A'.repeat(26);
const idOf = (letter: string): string => letter.repeat(26);

test('ignores an entry for its id or its name only, and counts by reason', () => {
  const rows: [id: string, name: string | undefined, reason: string | undefined][] = [
    [id, 'app', undefined],
    [id, 'app', 'duplicate'],
    ['', 'x', 'bad_id'],
    [id.toLowerCase(), 'x', 'bad_id'],
    [`${id}A`, 'x', 'bad_id'],
    [idOf('1'), 'x', 'bad_id'],
    [idOf('B'), undefined, 'name_too_long'],
    [idOf('B'), 'x'.repeat(257), 'name_too_long'],
    [idOf('B'), 'é'.repeat(129), 'name_too_long'],
    [idOf('B'), 'é'.repeat(128), undefined],
    [idOf('C'), id, 'name_is_id'],
    [idOf('C'), 'bcdefghijklmnopqrstuvwxyz2', 'name_is_id'],
    // NFC turns the Kelvin sign into K.
    [idOf('C'), '\u212a'.repeat(26), 'name_is_id'],
    [idOf('C'), '', undefined],
    [idOf('D'), '(unnamed)', undefined],
  ];
  for (const [someId, name, reason] of rows) {
    const admission = new LeaseAdmission({ maxLeases: 10 });
    if (reason === 'duplicate') admission.admits(someId, name);
    assert.equal(admission.admits(someId, name), reason === undefined, `${someId} ${name ?? ''}`);
    assert.deepEqual([...admission.ignored], reason === undefined ? [] : [[reason, 1]]);
  }
});

test('limits the names of one id, without taking slots from other ids', () => {
  const admission = new LeaseAdmission({ maxLeases: 2 });
  for (let i = 0; i < 100; i += 1) assert.equal(admission.admits(id, `name-${i}`), i < 8);
  assert.ok(admission.admits(idOf('B'), 'b'));
  assert.ok(!admission.admits(idOf('C'), 'c'));
  assert.deepEqual(Object.fromEntries(admission.ignored), { too_many_names: 92, too_many_leases: 1 });
});

test('ids of the previous list keep their slots when a list begins with a flood of new ones', () => {
  const last = new LeaseAdmission({ maxLeases: 3 });
  for (const letter of 'AB') last.admits(idOf(letter), letter);
  const next = new LeaseAdmission({ maxLeases: 3, reserved: last.ids });
  const admitted = Array.from('QRSTUVWXYZAB').filter((letter) => next.admits(idOf(letter), letter));
  assert.deepEqual(admitted, ['Q', 'A', 'B']);
});
