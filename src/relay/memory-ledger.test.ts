import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HeldMemory, MemoryLedger } from './memory-ledger.ts';

const limits = { memoryBytes: 1_000, memoryBytesPerAddress: 400 };

test('an address has a share, reduced to a quarter while more than three quarters of the total are in use', () => {
  const ledger = new MemoryLedger(limits);
  const [a, b, c] = [ledger.enter('a'), ledger.enter('b'), ledger.enter('c')];
  assert.ok(!ledger.take(401, a));
  assert.ok(ledger.take(400, a));
  assert.ok(!ledger.take(1, a));
  assert.ok(ledger.take(350, b));
  assert.deepEqual([ledger.take(101, c), ledger.take(100, c)], [false, true]);
  ledger.give(400, a);
  assert.ok(ledger.take(300, c));
});

test('any sequence of holds and releases respects total and shares, and ends at zero', () => {
  const step = fc.record({ thing: fc.nat(19), bytes: fc.nat(500), releases: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const ledger = new MemoryLedger(limits);
      const accounts = ['a', 'b', 'c', 'd'].map((address) => ledger.enter(address));
      const make = (thing: number): HeldMemory => {
        const [one, other] = [accounts[thing % 4], accounts[Math.floor(thing / 5)]];
        assert.ok(one !== undefined && other !== undefined);
        return new HeldMemory(ledger, one, other);
      };
      const things = Array.from({ length: 20 }, (_, thing) => make(thing));
      for (const { thing, bytes, releases } of steps) {
        const held = things[thing];
        if (releases) {
          held?.release();
          things[thing] = make(thing);
        } else held?.hold(bytes);
        assert.ok(ledger.heldBytes >= 0 && ledger.heldBytes <= limits.memoryBytes);
        for (const { heldBytes } of accounts) assert.ok(heldBytes >= 0 && heldBytes <= limits.memoryBytesPerAddress);
      }
      for (const held of things) {
        held.release();
        held.release();
      }
      for (const account of accounts) ledger.leave(account);
      assert.deepEqual([ledger.heldBytes, ledger.addresses], [0, 0]);
    }),
  );
});
