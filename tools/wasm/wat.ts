// Builds WebAssembly text in folded form from small expressions, so that the generators read like
// the algorithm. Does not assemble it: that is wabt's work.

/** A folded expression or statement of the text format. */
export type Wat = string;
/** An address or count that is known when the module is written, or an expression that gives it. */
export type Operand = Wat | number;

const operand = (value: Operand): Wat => (typeof value === 'number' ? `(i32.const ${value})` : value);
export const get = (local: string): Wat => `(local.get $${local})`;
export const set = (local: string, value: Operand): Wat => `(local.set $${local} ${operand(value)})`;
export const call = (func: string, ...args: readonly Operand[]): Wat =>
  `(call $${func} ${args.map(operand).join(' ')})`;

/** 32-bit numbers: addresses and lengths. */
export const i32 = {
  add: (left: Wat, right: Operand): Wat => `(i32.add ${left} ${operand(right)})`,
  sub: (left: Wat, right: Wat): Wat => `(i32.sub ${left} ${right})`,
  and: (left: Wat, right: Operand): Wat => `(i32.and ${left} ${operand(right)})`,
  isZero: (value: Wat): Wat => `(i32.eqz ${value})`,
  lessThan: (left: Wat, right: Operand): Wat => `(i32.lt_u ${left} ${operand(right)})`,
};

/** 64-bit numbers: limbs and their products. */
export const i64 = {
  const: (value: bigint | number): Wat => `(i64.const ${value})`,
  add: (left: Wat, right: Wat): Wat => `(i64.add ${left} ${right})`,
  sub: (left: Wat, right: Wat): Wat => `(i64.sub ${left} ${right})`,
  mul: (left: Wat, right: Wat): Wat => `(i64.mul ${left} ${right})`,
  and: (left: Wat, right: Wat): Wat => `(i64.and ${left} ${right})`,
  or: (left: Wat, right: Wat): Wat => `(i64.or ${left} ${right})`,
  shl: (value: Wat, bits: number): Wat => `(i64.shl ${value} (i64.const ${bits}))`,
  shr: (value: Wat, bits: number): Wat => `(i64.shr_u ${value} (i64.const ${bits}))`,
  /** A 32-bit number as a 64-bit one. */
  extend: (value: Wat): Wat => `(i64.extend_i32_u ${value})`,
  /** A little-endian 32-bit word as a 64-bit number. */
  load32: (address: Operand, offset = 0): Wat => `(i64.load32_u offset=${offset} align=1 ${operand(address)})`,
  /** `ones` where every bit of `mask` is set, `zeros` where none is. */
  choose: (mask: Wat, ones: Wat, zeros: Wat): Wat =>
    `(i64.or (i64.and ${ones} ${mask}) (i64.and ${zeros} (i64.xor ${mask} (i64.const -1))))`,
  store32: (address: Operand, value: Wat, offset = 0): Wat =>
    `(i64.store32 offset=${offset} align=1 ${operand(address)} ${value})`,
  store: (address: Operand, value: Wat, offset = 0): Wat =>
    `(i64.store offset=${offset} align=1 ${operand(address)} ${value})`,
};

/** Four 32-bit words at once. */
export const v128 = {
  words: (words: readonly number[]): Wat => `(v128.const i32x4 ${words.join(' ')})`,
  bytes: (bytes: readonly number[]): Wat => `(v128.const i8x16 ${bytes.join(' ')})`,
  zero: '(v128.const i64x2 0 0)' as Wat,
  splat: (word: Wat): Wat => `(i32x4.splat ${word})`,
  loadSplat: (address: number): Wat => `(v128.load32_splat ${operand(address)})`,
  load: (address: Operand, offset = 0): Wat => `(v128.load offset=${offset} align=1 ${operand(address)})`,
  store: (address: Operand, value: Wat, offset = 0): Wat =>
    `(v128.store offset=${offset} align=1 ${operand(address)} ${value})`,
  add: (left: Wat, right: Wat): Wat => `(i32x4.add ${left} ${right})`,
  xor: (left: Wat, right: Wat): Wat => `(v128.xor ${left} ${right})`,
  or: (left: Wat, right: Wat): Wat => `(v128.or ${left} ${right})`,
  shl: (words: Wat, bits: number): Wat => `(i32x4.shl ${words} (i32.const ${bits}))`,
  shr: (words: Wat, bits: number): Wat => `(i32x4.shr_u ${words} (i32.const ${bits}))`,
  /** Picks 16 bytes of `bytes` by their index in `pattern`. */
  swizzle: (bytes: Wat, pattern: Wat): Wat => `(i8x16.swizzle ${bytes} ${pattern})`,
  /** Picks 16 bytes by their index in `left` (0 to 15) and `right` (16 to 31). */
  shuffleBytes: (left: Wat, right: Wat, bytes: readonly number[]): Wat =>
    `(i8x16.shuffle ${bytes.join(' ')} ${left} ${right})`,
  /** Picks four words by their index in `left` (0 to 3) and `right` (4 to 7). */
  shuffleWords: (left: Wat, right: Wat, words: readonly number[]): Wat =>
    v128.shuffleBytes(
      left,
      right,
      words.flatMap((word) => [0, 1, 2, 3].map((byte) => word * 4 + byte)),
    ),
  /** 1 if any bit is set, without telling which. */
  anyTrue: (words: Wat): Wat => `(v128.any_true ${words})`,
};

/** Runs `then` where `condition` is not 0, otherwise `otherwise`. */
export function when(condition: Wat, then: readonly Wat[], otherwise: readonly Wat[] = []): Wat {
  const branches = [`(then`, ...then, ')', ...(otherwise.length > 0 ? ['(else', ...otherwise, ')'] : [])];
  return [`(if ${condition}`, ...branches, ')'].join('\n');
}

/** Runs `body` while `condition` holds, tested before each turn. */
export function whileLoop(label: string, condition: Wat, body: readonly Wat[]): Wat {
  return [
    `(block $${label}Done (loop $${label}`,
    `(br_if $${label}Done ${i32.isZero(condition)})`,
    ...body,
    `(br $${label})))`,
  ].join('\n');
}

export interface Func {
  readonly name: string;
  readonly params: readonly string[];
  /** The type of each local, by its name. */
  readonly locals?: Readonly<Record<string, 'i32' | 'i64' | 'v128'>>;
  readonly result?: 'i32';
  readonly body: readonly Wat[];
}

/** A function whose parameters are all i32. It is exported under its name. */
export function func({ name, params, locals = {}, result, body }: Func): Wat {
  return [
    `(func $${name} (export "${name}")`,
    ...params.map((param) => `(param $${param} i32)`),
    result === undefined ? '' : `(result ${result})`,
    ...Object.entries(locals).map(([local, type]) => `(local $${local} ${type})`),
    ...body,
    ')',
  ]
    .filter((line) => line !== '')
    .join('\n');
}
