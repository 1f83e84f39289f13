import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { HeldPieces } from './held-pieces.ts';

function all(held: HeldPieces): Buffer[] {
  const pieces: Buffer[] = [];
  for (let piece = held.take(); piece !== undefined; piece = held.take()) pieces.push(piece);
  return pieces;
}

describe('held pieces', () => {
  it('are merged if small, and large ones are not copied', () => {
    const held = new HeldPieces();
    const large = Buffer.alloc(64 * 1024, 2);
    for (let i = 0; i < 100_000; i += 1) held.add(Buffer.alloc(1, 1));
    held.add(large);
    held.add(Buffer.alloc(1, 3));
    const pieces = all(held);
    assert.ok(pieces.length <= 100_000 / 4096 + 4, `${pieces.length} pieces`);
    assert.equal(pieces.at(-2), large);
    assert.equal(Buffer.concat(pieces).length, 100_000 + large.length + 1);
  });

  it('are never modified after they are taken', () => {
    const held = new HeldPieces();
    held.add(Buffer.from('a'));
    held.add(Buffer.from('b'));
    const first = held.take();
    held.add(Buffer.from('c'));
    held.add(Buffer.from('d'));
    assert.equal(first?.toString(), 'ab');
    assert.equal(Buffer.concat(all(held)).toString(), 'cd');
  });

  it('come out in order and unchanged, in any sequence of adding and taking', () => {
    const step = fc.oneof(
      fc.integer({ min: 1, max: 3000 }),
      fc.constant('take' as const),
      fc.constantFrom(1, 1023, 1024),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const held = new HeldPieces();
        const added: Buffer[] = [];
        const taken: Buffer[] = [];
        for (const [at, action] of steps.entries()) {
          if (action === 'take') taken.push(held.take() ?? Buffer.alloc(0));
          else {
            const piece = Buffer.alloc(action, at);
            added.push(Buffer.from(piece));
            held.add(piece);
          }
        }
        taken.push(...all(held));
        assert.equal(held.isEmpty, true);
        assert.deepEqual(Buffer.concat(taken), Buffer.concat(added));
      }),
    );
  });
});
