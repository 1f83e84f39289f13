// Poly1305 (RFC 8439 §2.5) in five limbs of 26 bits, two blocks at a time. Sums of the limbs'
// products fit 64 bits, and no step depends on the value of a limb: neither a branch nor an
// address.
import { func, get, i32, i64, set, type Wat, when, whileLoop } from './wat.ts';

const limbs = [0, 1, 2, 3, 4] as const;
const limbBits = 26;
const limbMask = i64.const(2 ** limbBits - 1);
const blockBytes = 16;
/** The bit above a whole block, as seen from the highest limb. */
const aboveBlock = i64.const(2 ** (8 * blockBytes - 4 * limbBits));
/** RFC 8439 §2.5: the bits of r that stay, limb by limb. */
const clamp = [0x3ffffff, 0x3ffff03, 0x3ffc0ff, 0x3f03fff, 0x00fffff] as const;

/** A number of five limbs is five locals: h0 to h4. */
const limb = (name: string, index: number): string => `${name}${index}`;
const copy = (to: string, from: string): Wat[] => limbs.map((i) => set(limb(to, i), get(limb(from, i))));

/** The limbs of the 16 bytes at `address` + `offset`, from 32-bit words that overlap. */
function loadLimbs(address: Wat, offset = 0): readonly [Wat, Wat, Wat, Wat, Wat] {
  const word = (bytes: number): Wat => i64.load32(address, offset + bytes);
  return [
    i64.and(word(0), limbMask),
    i64.and(i64.shr(word(3), 2), limbMask),
    i64.and(i64.shr(word(6), 4), limbMask),
    i64.shr(word(9), 6),
    i64.shr(word(12), 8),
  ];
}

/** The block at `from` + `offset`, with the bit above it. */
function loadBlock(offset: number): readonly Wat[] {
  const [l0, l1, l2, l3, l4] = loadLimbs(get('from'), offset);
  return [l0, l1, l2, l3, i64.or(l4, aboveBlock)];
}

/** times5 = 5 * factor, for the limbs that multiply() wraps around. */
const prepareFactor = (times5: string, factor: string): Wat[] =>
  limbs.slice(1).map((i) => set(limb(times5, i), i64.mul(get(limb(factor, i)), i64.const(5))));

/**
 * d = a * factor mod 2^130 - 5, or d += that, before carries. A limb that is pushed out at the top
 * comes back at the bottom times 5, because 2^130 is 5.
 */
function multiply(a: string, factor: string, times5: string, addTo: 'nothing' | 'd' = 'nothing'): Wat[] {
  return limbs.map((k) => {
    const products = limbs.map((i) =>
      i64.mul(get(limb(a, i)), get(i <= k ? limb(factor, k - i) : limb(times5, k - i + 5))),
    );
    const terms = addTo === 'd' ? [get(limb('d', k)), ...products] : products;
    return set(limb('d', k), terms.reduce(i64.add));
  });
}

/**
 * Moves what exceeds 26 bits of `from` to `to`; 'wraps' is the way from the top limb to the bottom.
 */
function carry(from: string, to: string, way: 'up' | 'wraps' = 'up'): Wat[] {
  const excess = i64.shr(get(from), limbBits);
  return [
    set(to, i64.add(get(to), way === 'wraps' ? i64.mul(excess, i64.const(5)) : excess)),
    set(from, i64.and(get(from), limbMask)),
  ];
}

/**
 * Leaves limbs of 26 bits, of which the second may exceed them by a few: small enough to be
 * multiplied again.
 */
const carryAll = (name: string): Wat[] => [
  ...[0, 1, 2, 3].flatMap((i) => carry(limb(name, i), limb(name, i + 1))),
  ...carry(limb(name, 4), limb(name, 0), 'wraps'),
  ...carry(limb(name, 0), limb(name, 1)),
];

const advance = (bytes: number): Wat => set('from', i32.add(get('from'), bytes));

/** One block, for an odd number of them: h = block * r. */
const firstBlock: readonly Wat[] = [
  ...loadBlock(0).map((value, i) => set(limb('h', i), value)),
  ...multiply('h', 'r', 's'),
  ...carryAll('d'),
  ...copy('h', 'd'),
  advance(blockBytes),
];

/** h = (h + first) * r^2 + second * r: one chain of carries for two blocks. */
const twoBlocks: readonly Wat[] = [
  ...loadBlock(0).map((value, i) => set(limb('h', i), i64.add(get(limb('h', i)), value))),
  ...multiply('h', 'q', 't'),
  ...loadBlock(blockBytes).map((value, i) => set(limb('m', i), value)),
  ...multiply('m', 'r', 's', 'd'),
  ...carryAll('d'),
  ...copy('h', 'd'),
  advance(2 * blockBytes),
];

/**
 * h mod 2^130 - 5: takes h - p where that is not negative, chosen by a mask and not by a branch.
 */
const reduceFully: readonly Wat[] = [
  ...[1, 2, 3].flatMap((i) => carry(limb('h', i), limb('h', i + 1))),
  ...carry('h4', 'h0', 'wraps'),
  ...carry('h0', 'h1'),
  // g = h + 5 - 2^130
  set('g0', i64.add(get('h0'), i64.const(5))),
  ...[1, 2, 3, 4].flatMap((i) => [set(limb('g', i), get(limb('h', i))), ...carry(limb('g', i - 1), limb('g', i))]),
  set('g4', i64.sub(get('g4'), i64.const(2 ** limbBits))),
  // All ones where g is negative, which is where h was below p already.
  set('below', i64.sub(i64.const(0), i64.shr(get('g4'), 63))),
  ...limbs.map((i) => set(limb('h', i), i64.choose(get('below'), get(limb('h', i)), get(limb('g', i))))),
];

/**
 * The tag is h + s mod 2^128; s is the second half of the key. Word by word, each from the end of
 * one limb and the start of the next.
 */
const writeTag: readonly Wat[] = [0, 1, 2, 3].flatMap((word) => {
  const low = i64.shr(get(limb('h', word)), 6 * word);
  const high = i64.shl(get(limb('h', word + 1)), limbBits - 6 * word);
  const sum = i64.add(i64.and(i64.or(low, high), i64.const(0xffffffff)), i64.load32(get('key'), 16 + word * 4));
  return [
    set('sum', word === 0 ? sum : i64.add(sum, i64.shr(get('sum'), 32))),
    i64.store32(get('tag'), get('sum'), word * 4),
  ];
});

const numbers = (names: readonly string[]): Record<string, 'i64'> =>
  Object.fromEntries(names.flatMap((name) => limbs.map((i) => [limb(name, i), 'i64' as const])));

/**
 * `poly1305(key, from, end, tag)`: writes to `tag` the tag of the whole blocks of 16 bytes from
 * `from` to `end`, under the one-time key of 32 bytes at `key`. Locals: h accumulator, r and q =
 * r^2 the factors, s and t five times them, m a block, d products.
 */
export const poly1305: Wat = func({
  name: 'poly1305',
  params: ['key', 'from', 'end', 'tag'],
  locals: { ...numbers(['h', 'r', 's', 'q', 't', 'm', 'd', 'g']), below: 'i64', sum: 'i64' },
  body: [
    ...loadLimbs(get('key')).map((value, i) => set(limb('r', i), i64.and(value, i64.const(clamp[i] ?? 0)))),
    ...prepareFactor('s', 'r'),
    ...multiply('r', 'r', 's'),
    ...carryAll('d'),
    ...copy('q', 'd'),
    ...prepareFactor('t', 'q'),
    when(i32.and(i32.sub(get('end'), get('from')), blockBytes), firstBlock),
    whileLoop('blocks', i32.lessThan(get('from'), get('end')), twoBlocks),
    ...reduceFully,
    ...writeTag,
  ],
});
