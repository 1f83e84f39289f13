// The module that seals and opens small frames: ChaCha20-Poly1305 without associated data (RFC 8439
// §2.8) over a memory of fixed size. The caller writes key and frame into the memory and reads the
// result from it.
import { aeadLayout as layout } from '../../src/portal/secure/aead-layout.ts';
import { chacha20 } from './chacha20.ts';
import { poly1305 } from './poly1305.ts';
import { call, func, get, i32, i64, set, v128, type Wat, when, whileLoop } from './wat.ts';

const blockBytes = 64;
const tagBytes = 16;
const keyBytes = 32;
/** Bytes that one call of chacha20 covers. */
const strideBytes = 4 * blockBytes;
/** The first call spends its first block on the one-time key. */
const firstStrideBytes = strideBytes - blockBytes;

/** `clear(from, end)`: zeroes whole blocks of 16 bytes, and so up to 15 bytes from `end` on. */
const clear = func({
  name: 'clear',
  params: ['from', 'end'],
  body: [
    whileLoop('clearing', i32.lessThan(get('from'), get('end')), [
      v128.store(get('from'), v128.zero),
      set('from', i32.add(get('from'), 16)),
    ]),
  ],
});

/**
 * `end` is the address behind the data. Pads it with zeros to whole blocks and appends the block of
 * lengths (RFC 8439 §2.8).
 */
const appendLengths: readonly Wat[] = [
  v128.store(get('end'), v128.zero),
  set('padded', i32.and(i32.add(get('end'), 15), -16)),
  i64.store(get('padded'), i64.const(0)),
  i64.store(get('padded'), i64.extend(get('length')), 8),
  set('padded', i32.add(get('padded'), 16)),
];

const wipeKey = call('clear', layout.key, layout.key + keyBytes);

/**
 * `seal(length)`: encrypts the data in place and writes the tag behind it. Leaves only the frame in
 * memory, and behind it ciphertext of earlier, longer frames.
 */
const seal = func({
  name: 'seal',
  params: ['length'],
  locals: { header: 'v128', end: 'i32', padded: 'i32', at: 'i32', counter: 'i32' },
  body: [
    set('end', i32.add(get('length'), layout.data)),
    set('header', v128.load(layout.frame)),
    call('chacha20', 0, layout.data - blockBytes, layout.data - blockBytes),
    // Restores the header, which the keystream of block 0 has overwritten.
    v128.store(layout.frame, get('header')),
    set('at', layout.data + firstStrideBytes),
    set('counter', 4),
    whileLoop('strides', i32.lessThan(get('at'), get('end')), [
      call('chacha20', get('counter'), get('at'), get('at')),
      set('at', i32.add(get('at'), strideBytes)),
      set('counter', i32.add(get('counter'), 4)),
    ]),
    ...appendLengths,
    call('poly1305', layout.data - blockBytes, layout.data, get('padded'), get('end')),
    wipeKey,
    // Also because chacha20 reads this as the plaintext of block 0.
    call('clear', layout.data - blockBytes, layout.frame),
    // Unused keystream, and the block of lengths.
    call('clear', i32.add(get('end'), tagBytes), i32.add(get('at'), 2 * tagBytes)),
  ],
});

/**
 * `open(length)`: returns 1 if the tag behind the data is valid, with the plaintext at `plaintext`;
 * otherwise 0, with no plaintext in memory. The caller copies the plaintext and clears it.
 */
const open = func({
  name: 'open',
  params: ['length'],
  result: 'i32',
  locals: { tag: 'v128', end: 'i32', padded: 'i32', from: 'i32', at: 'i32', counter: 'i32', forged: 'i32' },
  body: [
    set('end', i32.add(get('length'), layout.data)),
    set('tag', v128.load(get('end'))),
    ...appendLengths,
    call('chacha20', 0, layout.data - blockBytes, layout.plaintext - blockBytes),
    set('at', layout.plaintext + firstStrideBytes),
    call('poly1305', layout.plaintext - blockBytes, layout.data, get('padded'), layout.tag),
    // All bits are compared, and only the outcome is branched on.
    set('forged', v128.anyTrue(v128.xor(get('tag'), v128.load(layout.tag)))),
    when(
      get('forged'),
      [set('length', 0)],
      [
        set('from', layout.data + firstStrideBytes),
        set('counter', 4),
        whileLoop('strides', i32.lessThan(get('from'), get('end')), [
          call('chacha20', get('counter'), get('from'), get('at')),
          set('from', i32.add(get('from'), strideBytes)),
          set('at', i32.add(get('at'), strideBytes)),
          set('counter', i32.add(get('counter'), 4)),
        ]),
      ],
    ),
    wipeKey,
    call('clear', layout.tag, layout.tag + tagBytes),
    call('clear', layout.plaintext - blockBytes, layout.plaintext),
    // Unused keystream; of a forged frame, everything.
    call('clear', i32.add(get('length'), layout.plaintext), get('at')),
    i32.isZero(get('forged')),
  ],
});

/** The text of the module. Its memory cannot grow. */
export function aeadModule(): Wat {
  const pages = layout.memoryPages;
  return [
    '(module',
    `(memory (export "memory") ${pages} ${pages})`,
    chacha20(layout.key, layout.frame + 4),
    poly1305,
    clear,
    seal,
    open,
    ')',
  ].join('\n');
}
