// Reads what a response of a language model says of its tokens: from JSON or server-sent events, compressed or not, beside the flow of
// the response. It sees each piece after the client's connection has it, and holds up none.
import type { RawHeaders } from '../kernel/http/http.ts';
import type { UsageFacts } from './usage-charge.ts';
import type { DecodePool } from './decode-pool.ts';
import { isReadableCoding, UsageDecoder, type Unread } from './decoder.ts';
import { EventScanner } from './usage-events.ts';
import { UsageScanner } from './json-scanner.ts';
import { TokenCount } from './token-counts.ts';

export interface ReaderOptions {
  /** The request is one to a language model, by method and path. */
  readonly modelPath: boolean;
  /** The request makes no model work: it asks for what is there, such as a response that is not ready. */
  readonly readOnly: boolean;
  /** The id of the lease that the response comes from. */
  readonly owner: string;
  readonly pool: DecodePool;
}

/** Text that one compressed byte is taken for when it is not read: the ratio of gzip for prose. */
const textBytesPerUnreadByte = 4;

const openBrace = 0x7b;
const openBracket = 0x5b;
/** Bytes that may precede the first one that tells: white space, and the byte order mark of UTF-8 (EF BB BF). */
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

  /** `coding`: empty for none; undefined for one that can't be undone. */
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

  /** Why some of it was not read. */
  get unread(): Unread | undefined {
    return this.#unread;
  }

  push(chunk: Uint8Array): void {
    if (this.#decoder !== undefined) this.#decoder.push(chunk);
    else if (this.#readable) this.#scan(chunk);
    else this.#leave(chunk.length, 'coding');
  }

  /** The response is complete. Calls back, perhaps at once, when all that came is read or given up. */
  end(read: () => void): void {
    this.#complete = true;
    if (this.#decoder === undefined) read();
    else this.#decoder.end(read);
  }

  /** The response was cut: no more of it is read. */
  stop(): void {
    this.#decoder?.stop();
  }

  /** As far as they are known by now. */
  facts(requestTextBytes: number): UsageFacts {
    const tokens = this.#tokens;
    const json = this.#json;
    const otherText = this.#plainTextBytes + this.#unreadBytes * textBytesPerUnreadByte;
    return {
      reported: tokens.isReported ? tokens.tokens : undefined,
      reportsOutput: tokens.reportsOutput,
      isModel: this.#isModel,
      // The app may have reported usage in bytes that the gateway had no room to read.
      complete: this.#complete && this.#unread !== 'busy',
      requestTextBytes,
      textBytes: json.textBytes + otherText,
      unreportedTextBytes: json.unreportedTextBytes + otherText,
      decodedBytes: this.#unreadBytes > 0 ? Infinity : this.#decodedBytes,
      hidesOutput: json.shape.hidesOutput,
    };
  }

  /** Neither JSON nor events: all of it is text. */
  get #plainTextBytes(): number {
    return this.#scanner instanceof EventScanner && !this.#scanner.hasData ? this.#decodedBytes : 0;
  }

  get #isModel(): boolean {
    const { shape, isWhole } = this.#json;
    if (this.#tokens.isReported) return true;
    if (shape.certain) return !this.#readOnly || this.#scanner !== this.#json;
    if (!this.#modelPath) return false;
    // Other APIs use such paths too. They are recognised by a response that was read to its end: no content, or JSON that has nothing of a
    // model's.
    const isOther = this.#decodedBytes === 0 || (isWhole && !shape.possible);
    return !(isOther && this.#complete && this.#unreadBytes === 0);
  }

  #scan(bytes: Uint8Array): void {
    this.#decodedBytes += bytes.length;
    if (this.#scanner === undefined) {
      const first = bytes.find((byte) => !leading.has(byte));
      if (first === undefined) return;
      // By what it is: the type that it is sent as may be missing or wrong.
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

/** Undefined: there is nothing to be read in such a response. */
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
  // Codings one upon another are not undone, and nobody uses them.
  const coding = applied.length > 1 ? undefined : (applied[0] ?? '');
  const readable = coding === '' || (coding !== undefined && isReadableCoding(coding));
  if (!readable && !modelPath) return undefined;
  return new UsageReader(readable ? coding : undefined, { ...options, modelPath });
}

function mediaTypeOf(value: string): string {
  const end = value.indexOf(';');
  return (end === -1 ? value : value.slice(0, end)).trim();
}
