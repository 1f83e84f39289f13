// ChaCha20 (RFC 8439 §2.3 and 2.4), four blocks at once: each v128 holds the same word of four
// consecutive blocks, so that the quarter rounds need no shuffling between words.
import { func, get, i32, set, v128, type Wat, whileLoop } from './wat.ts';

const blockBytes = 64;
/** "expand 32-byte k", RFC 8439 §2.3. */
const constants = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];
/** RFC 8439 §2.3: four column rounds, then four diagonal rounds. */
const columns = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
] as const;
const diagonals = [
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
] as const;
type QuarterRound = (typeof columns | typeof diagonals)[number];

const x = (word: number): string => `x${word}`;
const words = Array.from({ length: 16 }, (_, word) => word);

/**
 * Rotations by whole bytes are one swizzle, with its pattern in a local: as an immediate, V8 builds
 * it again for each use. Other rotations are two shifts.
 */
const bytePatterns: Readonly<Record<number, { readonly local: string; readonly bytes: readonly number[] }>> = {
  16: { local: 'left16', bytes: [2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13] },
  8: { local: 'left8', bytes: [3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14] },
};

const patterns = Object.values(bytePatterns);

/** x <<<= bits */
function rotateLeft(word: string, bits: number): Wat {
  const pattern = bytePatterns[bits];
  if (pattern !== undefined) return set(word, v128.swizzle(get(word), get(pattern.local)));
  return set(word, v128.or(v128.shl(get(word), bits), v128.shr(get(word), 32 - bits)));
}

/** RFC 8439 §2.1: four quarter rounds side by side, which the processor can overlap. */
function round(quarterRounds: readonly QuarterRound[]): Wat[] {
  const half = (sum: 0 | 2, add: 1 | 3, turned: 1 | 3, bits: number): Wat[] =>
    quarterRounds.flatMap((q) => [
      set(x(q[sum]), v128.add(get(x(q[sum])), get(x(q[add])))),
      set(x(q[turned]), v128.xor(get(x(q[turned])), get(x(q[sum])))),
      rotateLeft(x(q[turned]), bits),
    ]);
  // a += b; d = (d ^ a) <<< 16; c += d; b = (b ^ c) <<< 12; and again with 8 and 7
  return [...half(0, 1, 3, 16), ...half(2, 3, 1, 12), ...half(0, 1, 3, 8), ...half(2, 3, 1, 7)];
}

/**
 * `chacha20(counter, from, to)`: writes the 256 bytes at `from`, xored with the blocks `counter` to
 * `counter + 3`, to `to`. `from` may equal `to`; otherwise they must not overlap. Reads the key and
 * nonce at the given addresses before it writes.
 */
export function chacha20(keyAddress: number, nonceAddress: number): Wat {
  const initial = (word: number): Wat => {
    const constant = constants[word];
    if (constant !== undefined) return v128.words([constant, constant, constant, constant]);
    if (word < 12) return v128.loadSplat(keyAddress + (word - 4) * 4);
    if (word === 12) return v128.add(v128.splat(get('counter')), v128.words([0, 1, 2, 3]));
    return v128.loadSplat(nonceAddress + (word - 13) * 4);
  };
  return func({
    name: 'chacha20',
    params: ['counter', 'from', 'to'],
    locals: {
      ...Object.fromEntries(words.map((word) => [x(word), 'v128' as const])),
      a: 'v128',
      b: 'v128',
      c: 'v128',
      d: 'v128',
      ...Object.fromEntries(patterns.map(({ local }) => [local, 'v128' as const])),
      round: 'i32',
    },
    body: [
      ...words.map((word) => set(x(word), initial(word))),
      ...patterns.map(({ local, bytes }) => set(local, v128.bytes(bytes))),
      set('round', 0),
      whileLoop('rounds', i32.lessThan(get('round'), 10), [
        ...round(columns),
        ...round(diagonals),
        set('round', i32.add(get('round'), 1)),
      ]),
      ...words.map((word) => set(x(word), v128.add(get(x(word)), initial(word)))),
      ...[0, 4, 8, 12].flatMap(writeFourWords),
    ],
  });
}

/** Turns four words of four blocks into 16 bytes of each block, and xors them in. */
function writeFourWords(first: number): Wat[] {
  const [p, q, r, s] = [0, 1, 2, 3].map((word) => get(x(first + word))) as [Wat, Wat, Wat, Wat];
  const lowHalves = [0, 4, 1, 5];
  const highHalves = [2, 6, 3, 7];
  const write = (block: number, keystream: Wat): Wat => {
    const offset = block * blockBytes + first * 4;
    return v128.store(get('to'), v128.xor(v128.load(get('from'), offset), keystream), offset);
  };
  return [
    set('a', v128.shuffleWords(p, q, lowHalves)),
    set('b', v128.shuffleWords(r, s, lowHalves)),
    set('c', v128.shuffleWords(p, q, highHalves)),
    set('d', v128.shuffleWords(r, s, highHalves)),
    write(0, v128.shuffleWords(get('a'), get('b'), [0, 1, 4, 5])),
    write(1, v128.shuffleWords(get('a'), get('b'), [2, 3, 6, 7])),
    write(2, v128.shuffleWords(get('c'), get('d'), [0, 1, 4, 5])),
    write(3, v128.shuffleWords(get('c'), get('d'), [2, 3, 6, 7])),
  ];
}
