// Scans the JSON of a response in chunks of any size: finds `usage` where OpenAI- and
// Anthropic-style responses have it, and counts the bytes of text. Buffers only that value and one
// short string. Not @streamparser/json: it tokenizes every value, at 74 MB/s instead of 530, and
// bounds none.
import { hintKeys, ModelShape, repeatsText, wordlessKeys } from './usage-shape.ts';
import { WordReader, wordTable } from './field-names.ts';

/** Receives the parsed value of `usage`. */
type Found = (usage: Readonly<Record<string, unknown>>) => void;

/** Far more than any real `usage` has. */
const maxUsageBytes = 8 * 1024;

/**
 * Keys of objects that contain `usage` instead of the outermost object: Responses API, Messages
 * API, streams of Groq.
 */
const holders: ReadonlySet<string> = new Set(['response', 'message', 'x_groq']);

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const letterU = 0x75;

const keys = wordTable(new Set(['usage', ...holders, ...hintKeys, ...wordlessKeys]));

/**
 * By byte: 1 for bytes that are valid outside strings: structure, white space, numbers, and the
 * letters of literals such as `true`.
 */
const outside = new Uint8Array(256);
for (const byte of Buffer.from('{}[]:," \t\n\r+-.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'))
  outside[byte] = 1;

export class UsageScanner {
  readonly #found: Found;
  readonly shape: ModelShape = new ModelShape();
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** A string has ended. The next byte decides whether it was a key. */
  #pending = false;
  /** The last structural byte was a colon. */
  #afterColon = false;
  #textBytesOfString = 0;
  readonly #word = new WordReader(keys);
  /** The latest key, and the keys of the two outermost levels. */
  #key = '';
  readonly #path: [string, string] = ['', ''];
  /** The value of the outermost `type`. */
  #type = '';
  /**
   * The part of the value of `usage` read so far. It ends when the depth is `depth` again.
   * Undefined: not inside `usage`.
   */
  #capture: { readonly depth: number; readonly pieces: Buffer[]; bytes: number } | undefined = undefined;
  /**
   * Bytes of text in the current value, in earlier ones, and in the longest value that repeats
   * earlier text.
   */
  #currentText = 0;
  #text = 0;
  #repeated = 0;
  #usageHere = false;
  #reportedText = 0;
  #values = 0;
  #malformed = false;

  constructor(found: Found) {
    this.#found = found;
  }

  /** Bytes of text so far, with escapes resolved. */
  get textBytes(): number {
    const current = this.#currentText + this.#unfinishedText;
    if (repeatsText(this.#type)) return Math.max(this.#text, this.#repeated, current);
    return Math.max(this.#text + current, this.#repeated);
  }

  /**
   * Bytes of an unfinished string that is a value, judging by the preceding colon or by its length.
   */
  get #unfinishedText(): number {
    const isValue = this.#afterColon || this.#word.isLong;
    const counts = this.#inString && isValue && this.#capture === undefined && !wordlessKeys.has(this.#key);
    return counts ? this.#textBytesOfString : 0;
  }

  /** Bytes of text since the last `usage`. */
  get unreportedTextBytes(): number {
    return this.#usageHere ? 0 : Math.max(0, this.textBytes - this.#reportedText);
  }

  /** The input was complete JSON, with at least one object or list. */
  get isWhole(): boolean {
    return this.#values > 0 && this.#depth === 0 && !this.#malformed && !this.#inString;
  }

  /** Starts a new JSON text. */
  reset(): void {
    this.#commit();
    this.#depth = 0;
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
          this.#beginString();
          break;
        case colon:
          if (this.#pending) this.#named();
          this.#afterColon = true;
          break;
        case comma:
          this.#endString();
          this.#afterColon = false;
          break;
        case openBrace:
        case openBracket:
          if (byte === openBrace && this.#capture === undefined && this.#isUsage()) {
            this.#capture = { depth: this.#depth, pieces: [], bytes: 0 };
            capturedFrom = i;
          }
          this.#afterColon = false;
          this.#depth += 1;
          break;
        case closeBrace:
        case closeBracket:
          this.#endString();
          this.#afterColon = false;
          this.#key = '';
          this.#depth -= 1;
          if (this.#depth === this.#capture?.depth) {
            this.#take(bytes.subarray(capturedFrom, i + 1));
            this.#finish();
          }
          if (this.#depth <= 0) this.#endValue();
          break;
        default:
          this.#malformed ||= outside[byte] === 0;
      }
    }
    if (this.#capture !== undefined) this.#take(bytes.subarray(capturedFrom));
  }

  #beginString(): void {
    this.#inString = true;
    this.#word.begin();
    this.#textBytesOfString = 0;
  }

  /** Returns the index of the quote that ends the string, or of the last byte. */
  #passString(bytes: Uint8Array, from: number): number {
    let escaped = this.#escaped;
    let text = 0;
    let i = from;
    for (; i < bytes.length; i += 1) {
      const byte = bytes[i] ?? 0;
      if (escaped) {
        escaped = false;
        // The four digits of `\u00e9` follow; most characters that are escaped so take three bytes
        // in UTF-8.
        text += byte === letterU ? -1 : 1;
      } else if (byte === backslash) escaped = true;
      else if (byte === quote) {
        this.#inString = false;
        this.#pending = true;
        break;
      } else text += 1;
    }
    this.#escaped = escaped;
    this.#word.add(bytes, from, i);
    this.#textBytesOfString += text;
    return i;
  }

  /** The string was a key; a value follows. */
  #named(): void {
    this.#pending = false;
    const name = this.#word.known();
    this.#key = name;
    if (this.#capture !== undefined) return;
    if (this.#depth === 1) this.#path[0] = name;
    else if (this.#depth === 2) this.#path[1] = name;
    this.shape.key(name, this.#depth);
  }

  /** A pending string was a value. */
  #endString(): void {
    if (!this.#pending) return;
    this.#pending = false;
    if (this.#capture !== undefined) return;
    const key = this.#key;
    if (key === 'type' || key === 'object') {
      const value = this.#word.text();
      this.shape.value(key, value, this.#depth);
      if (this.#depth === 1 && key === 'type') this.#type = value;
    } else if (!wordlessKeys.has(key)) this.#currentText += this.#textBytesOfString;
  }

  #isUsage(): boolean {
    if (!this.#afterColon) return false;
    const [outer, inner] = this.#path;
    if (this.#depth === 1) return outer === 'usage';
    return this.#depth === 2 && holders.has(outer) && inner === 'usage';
  }

  #take(piece: Uint8Array): void {
    const capture = this.#capture;
    if (capture === undefined) return;
    capture.bytes += piece.length;
    // Copied, because the sender may reuse the memory of the chunk.
    if (capture.bytes <= maxUsageBytes) capture.pieces.push(Buffer.from(piece));
    else capture.pieces.length = 0;
  }

  #finish(): void {
    const { pieces = [] } = this.#capture ?? {};
    this.#capture = undefined;
    const usage = parsed(Buffer.concat(pieces).toString());
    if (typeof usage !== 'object' || usage === null) return;
    this.#usageHere = true;
    this.#found(usage as Record<string, unknown>);
  }

  #endValue(): void {
    if (this.#depth < 0) {
      this.#malformed = true;
      this.#depth = 0;
    }
    this.#values += 1;
    this.#commit();
  }

  /** Adds the text of the current value to the totals. */
  #commit(): void {
    const current = this.#currentText + this.#unfinishedText;
    if (repeatsText(this.#type)) this.#repeated = Math.max(this.#repeated, current);
    else this.#text += current;
    this.#currentText = 0;
    this.#inString = false;
    this.#escaped = false;
    this.#pending = false;
    this.#afterColon = false;
    this.#type = '';
    this.#key = '';
    this.#path[0] = '';
    this.#path[1] = '';
    if (this.#usageHere) this.#reportedText = this.textBytes;
    this.#usageHere = false;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
