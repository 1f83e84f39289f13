// Owns the finding of `usage` in JSON that passes by in pieces of any size, without holding any of it but that one value. Knows the
// places where OpenAI- and Anthropic-style answers have it; knows no HTTP.

/** The value of `usage`, as it was written. */
type Found = (usage: Readonly<Record<string, unknown>>) => void;

/** More than any of them has, by far. */
const mostUsageBytes = 8 * 1024;
/** No key that matters is longer. */
const mostKeyCharacters = 16;

/** What may hold `usage` in place of the outermost object: Responses API (`response`), Messages API (`message`). */
const holders: ReadonlySet<string> = new Set(['response', 'message']);

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** Of the two outermost levels: the rest is only passed over. */
interface Level {
  isObject: boolean;
  /** The next string is a key. */
  expectsKey: boolean;
  key: string;
}

export class UsageScanner {
  readonly #found: Found;
  readonly #levels: readonly [Level, Level] = [newLevel(), newLevel()];
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** Undefined: the string is no key that matters. */
  #key: string | undefined = undefined;
  /** What is there of the value of `usage`, which ends where the depth is this again. Undefined: not within one. */
  #capture: { readonly depth: number; readonly pieces: Buffer[]; bytes: number } | undefined = undefined;

  constructor(found: Found) {
    this.#found = found;
  }

  /** Another text begins. */
  reset(): void {
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
    this.#key = undefined;
    this.#capture = undefined;
  }

  push(bytes: Uint8Array): void {
    let capturedFrom = 0;
    for (let i = 0; i < bytes.length; i += 1) {
      if (this.#inString) {
        i = this.#passString(bytes, i);
        continue;
      }
      const byte = bytes[i] ?? 0;
      switch (byte) {
        case quote:
          this.#inString = true;
          this.#key = this.#level()?.expectsKey === true ? '' : undefined;
          break;
        case comma:
          this.#expectKey();
          break;
        case openBrace:
        case openBracket:
          if (byte === openBrace && this.#capture === undefined && this.#isUsage()) {
            this.#capture = { depth: this.#depth, pieces: [], bytes: 0 };
            capturedFrom = i;
          }
          this.#open(byte === openBrace);
          break;
        case closeBrace:
        case closeBracket:
          this.#depth = Math.max(0, this.#depth - 1);
          if (this.#depth === this.#capture?.depth) {
            this.#take(bytes.subarray(capturedFrom, i + 1));
            this.#finish();
          }
          break;
      }
    }
    if (this.#capture !== undefined) this.#take(bytes.subarray(capturedFrom));
  }

  /** Returns the index of the quote that ends the string, or of the last byte. */
  #passString(bytes: Uint8Array, from: number): number {
    for (let i = from; i < bytes.length; i += 1) {
      const byte = bytes[i] ?? 0;
      if (this.#escaped) this.#escaped = false;
      else if (byte === backslash) this.#escaped = true;
      else if (byte === quote) {
        this.#inString = false;
        this.#named();
        return i;
      }
      if (this.#key !== undefined) {
        this.#key = this.#key.length < mostKeyCharacters ? this.#key + String.fromCharCode(byte) : undefined;
      }
    }
    return bytes.length;
  }

  #level(): Level | undefined {
    return this.#levels[this.#depth - 1];
  }

  #open(isObject: boolean): void {
    this.#depth += 1;
    const level = this.#level();
    if (level !== undefined) Object.assign(level, { isObject, expectsKey: isObject, key: '' });
  }

  #expectKey(): void {
    const level = this.#level();
    if (level !== undefined) level.expectsKey = level.isObject;
  }

  /** A string is over: if it was a key, a value comes next. */
  #named(): void {
    const level = this.#level();
    if (level?.expectsKey !== true) return;
    level.key = this.#key ?? '';
    level.expectsKey = false;
  }

  #isUsage(): boolean {
    const [outer, inner] = this.#levels;
    if (this.#depth === 1) return outer.key === 'usage';
    return this.#depth === 2 && holders.has(outer.key) && inner.key === 'usage';
  }

  #take(piece: Uint8Array): void {
    const capture = this.#capture;
    if (capture === undefined) return;
    capture.bytes += piece.length;
    // A copy: the piece is the sender's, who may use its memory again.
    if (capture.bytes <= mostUsageBytes) capture.pieces.push(Buffer.from(piece));
    else capture.pieces.length = 0;
  }

  #finish(): void {
    const { pieces = [] } = this.#capture ?? {};
    this.#capture = undefined;
    const usage = parsed(Buffer.concat(pieces).toString());
    if (typeof usage === 'object' && usage !== null) this.#found(usage as Record<string, unknown>);
  }
}

function newLevel(): Level {
  return { isObject: false, expectsKey: false, key: '' };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
