import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deserialize, serialize } from 'node:v8';
import fc from 'fast-check';
import { entriesOf } from './large-records.ts';
import { Assembly, type Piece, piecesOf } from './pieces.ts';

/** Passes each piece through serialization, as another thread would receive it. */
function received(value: unknown): { readonly assembly: Assembly; readonly pieces: readonly Piece[] } {
  const assembly = new Assembly();
  const pieces = Array.from(piecesOf(value), (piece) => deserialize(serialize(piece)) as Piece);
  for (const piece of pieces) assembly.add(piece);
  return { assembly, pieces };
}

function valuesIn(value: unknown): number {
  if (typeof value === 'string') return 1 + value.length / 256;
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, inner) => sum + valuesIn(inner), 1);
}

const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.constant(undefined));
const name = fc.string({ maxLength: 4 }).filter((text) => text !== '__proto__');
const record = (value: fc.Arbitrary<unknown>, maxKeys: number): fc.Arbitrary<unknown> =>
  fc.dictionary(name, value, { maxKeys, noNullPrototype: true });
const { data } = fc.letrec<{ data: unknown; large: unknown }>((tie) => ({
  data: fc.oneof({ maxDepth: 4 }, scalar, fc.array(tie('data')), record(tie('data'), 8), tie('large')),
  large: fc.oneof(
    fc.array(scalar, { minLength: 600, maxLength: 1_500, size: 'max' }),
    record(scalar, 1_500),
    fc.string({ minLength: 1_000, maxLength: 200_000, size: 'max' }),
  ),
}));

test('any data is reassembled unchanged', () => {
  fc.assert(
    fc.property(data, (value) => {
      assert.deepEqual(received(value).assembly.value, value);
    }),
    { numRuns: 100 },
  );
});

test('lists and records are split into pieces of at most 500 values, and a record keeps its order', () => {
  const lease = { host: '', headers: { set: { a: 'b' }, remove: [] }, scopes: ['read', 'write'] };
  const leases = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`lease-${i}`, lease]));
  const value = { leases, deep: [[[Array.from({ length: 20_000 }, (_, i) => i)]]] };
  const { assembly, pieces } = received(value);
  assert.deepEqual(assembly.value, value);
  // Each entry is a pair with a name.
  const maxValues = 3 * 500 + 1;
  for (const piece of pieces) assert.ok(piece.kind !== 'entries' || valuesIn(piece.entries) <= maxValues);
  const { leases: got } = assembly.value;
  assert.deepEqual(
    Array.from(entriesOf(got), ([key]) => key),
    Object.keys(leases),
  );
});

test('detects missing pieces, and no key name changes the kind of a record', () => {
  const pieces = Array.from(piecesOf({ a: 1 }));
  const assembly = new Assembly();
  for (const piece of pieces.slice(0, -1)) {
    assembly.add(piece);
    assert.equal(assembly.isWhole, false);
    assert.throws(() => assembly.value, TypeError);
  }
  const [, entries] = pieces;
  assert.throws(() => {
    if (entries !== undefined) new Assembly().add(entries);
  }, TypeError);
  const record = JSON.parse('{ "__proto__": { "admin": true } }') as object;
  // Fits one message, where a structured clone creates it.
  assert.deepEqual(received([record]).assembly.value, [record]);
  const large: object = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`n${i}`, i]));
  Object.defineProperty(large, '__proto__', { value: {}, enumerable: true });
  assert.throws(() => received(large), TypeError);
});
