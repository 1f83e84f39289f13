// Reads token usage from the response of a language model: JSON or server-sent events, compressed
// or not. Receives each chunk after it was written to the client, and delays none.
import type { RawHeaders } from '../kernel/http/http.ts';
import type { UsageFacts } from './usage-charge.ts';
import type { DecodePool } from './decode-pool.ts';
import { isReadableCoding, UsageDecoder, type Unread } from './decoder.ts';
import { EventScanner } from './usage-events.ts';
import { UsageScanner } from './json-scanner.ts';
import { TokenCount } from './token-counts.ts';

export interface ReaderOptions {
  /** By method and path, the request goes to a language model. */
  readonly modelPath: boolean;
  /** The request reads existing data, such as the state of a response, and runs no model. */
  readonly readOnly: boolean;
  /** The id of the lease that serves the response. */
  readonly owner: string;
  readonly pool: DecodePool;
}

/** The estimated text in a compressed byte that is not read: gzip's ratio for prose. */
const textBytesPerUnreadByte = 4;

const openBrace = 0x7b;
const openBracket = 0x5b;
/**
 * Bytes that may precede the first significant byte: white space, and the byte order mark of UTF-8
 * (EF BB BF).
 */
const leading: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d, 0xef, 0xbb, 0xbf]);

export class UsageReader {
  readonly #modelPath: boolean;
  readonly #readOnly: boolean;
  readonly #tokens = new TokenCount();
  readonly #json: UsageScanner;
  #scanner: UsageScanner | EventScanner | undefined = undefined;
  #decoder: UsageDecoder | undefined = undefined;
  readonly #readable: boolean;
  #decodedBytes = 0;
  #unreadBytes = 0;
  #unread: Unread | undefined = undefined;
  #complete = false;

  /** `coding`: empty for none; undefined for one that cannot be decoded. */
  constructor(coding: string | undefined, { modelPath, readOnly, owner, pool }: ReaderOptions) {
    this.#modelPath = modelPath;
    this.#readOnly = readOnly;
    this.#json = new UsageScanner((usage) => {
      this.#tokens.note(usage);
    });
    this.#readable = coding !== undefined;
    if (coding === undefined || coding === '') return;
    this.#decoder = new UsageDecoder({
      coding,
      owner,
      pool,
      decoded: (piece) => {
        this.#scan(piece);
      },
      left: (bytes, why) => {
        this.#leave(bytes, why);
      },
    });
  }

  /** Why part of the response was not read. */
  get unread(): Unread | undefined {
    return this.#unread;
  }

  push(chunk: Uint8Array): void {
    if (this.#decoder !== undefined) this.#decoder.push(chunk);
    else if (this.#readable) this.#scan(chunk);
    else this.#leave(chunk.length, 'coding');
  }

  /**
   * Call when the response is complete. Calls `read`, possibly synchronously, when all of it was
   * read or skipped.
   */
  end(read: () => void): void {
    this.#complete = true;
    if (this.#decoder === undefined) read();
    else this.#decoder.end(read);
  }

  /** Call when the response was cut: reads no more of it. */
  stop(): void {
    this.#decoder?.stop();
  }

  /** The facts known so far. */
  facts(requestTextBytes: number): UsageFacts {
    const tokens = this.#tokens;
    const json = this.#json;
    const otherText = this.#plainTextBytes + this.#unreadBytes * textBytesPerUnreadByte;
    return {
      reported: tokens.isReported ? tokens.tokens : undefined,
      reportsOutput: tokens.reportsOutput,
      isModel: this.#isModel,
      // The app may have reported usage in bytes that the gateway was too busy to read.
      complete: this.#complete && this.#unread !== 'busy',
      requestTextBytes,
      textBytes: json.textBytes + otherText,
      unreportedTextBytes: json.unreportedTextBytes + otherText,
      decodedBytes: this.#unreadBytes > 0 ? Infinity : this.#decodedBytes,
      hidesOutput: json.shape.hidesOutput,
    };
  }

  /** Neither JSON nor events: all bytes count as text. */
  get #plainTextBytes(): number {
    return this.#scanner instanceof EventScanner && !this.#scanner.hasData ? this.#decodedBytes : 0;
  }

  get #isModel(): boolean {
    const { shape, isWhole } = this.#json;
    if (this.#tokens.isReported) return true;
    if (shape.certain) return !this.#readOnly || this.#scanner !== this.#json;
    if (!this.#modelPath) return false;
    // Other APIs use such paths too. They are recognised by a complete response without content, or
    // with JSON that has none of a model's fields.
    const isOther = this.#decodedBytes === 0 || (isWhole && !shape.possible);
    return !(isOther && this.#complete && this.#unreadBytes === 0);
  }

  #scan(bytes: Uint8Array): void {
    this.#decodedBytes += bytes.length;
    if (this.#scanner === undefined) {
      const first = bytes.find((byte) => !leading.has(byte));
      if (first === undefined) return;
      // Decides by the content, since the Content-Type may be missing or wrong.
      this.#scanner = first === openBrace || first === openBracket ? this.#json : new EventScanner(this.#json);
      bytes = bytes.subarray(bytes.indexOf(first));
    }
    this.#scanner.push(bytes);
  }

  #leave(bytes: number, why: Unread): void {
    this.#unreadBytes += bytes;
    this.#unread ??= why;
  }
}

/** Successful responses that carry no result of a model, whatever their path. */
const emptyStatuses: ReadonlySet<number> = new Set([202, 204, 205]);

const jsonType = /^(?:application|text)\/(?:json|jsonl|ndjson|x-ndjson|[\w.+-]+\+json)$/;

/** Undefined: such a response contains no usage. */
export function usageReader(status: number, headers: RawHeaders, options: ReaderOptions): UsageReader | undefined {
  if (status < 200 || status > 299) return undefined;
  let type = '';
  const codings: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]?.toLowerCase();
    const value = (headers[i + 1] ?? '').trim().toLowerCase();
    if (name === 'content-type') type = mediaTypeOf(value);
    else if (name === 'content-encoding') {
      codings.push(...value.split(',').map((coding) => coding.trim()));
    }
  }
  const modelPath = options.modelPath && !emptyStatuses.has(status);
  if (!modelPath && type !== '' && type !== 'text/event-stream' && !jsonType.test(type)) return undefined;
  const applied = codings.filter((coding) => coding !== '' && coding !== 'identity');
  // Multiple codings are not decoded; they are not used in practice.
  const coding = applied.length > 1 ? undefined : (applied[0] ?? '');
  const readable = coding === '' || (coding !== undefined && isReadableCoding(coding));
  if (!readable && !modelPath) return undefined;
  return new UsageReader(readable ? coding : undefined, { ...options, modelPath });
}

function mediaTypeOf(value: string): string {
  const end = value.indexOf(';');
  return (end === -1 ? value : value.slice(0, end)).trim();
}
