// Owns what an answer of a language model says of the tokens that it took: from JSON or server-sent events, compressed or not, beside
// the flow of the answer. It sees each piece after the client's connection has it, and holds up none.
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib';
import type { Transform } from 'node:stream';
import type { RawHeaders } from '../kernel/http.ts';
import { EventScanner } from './usage-events.ts';
import { UsageScanner } from './usage-json.ts';

/** Compressed bytes that may wait for the decoder, and bytes that one answer may become: what is more is not read. */
const mostWaitingBytes = 4 * 1024 * 1024;
const mostDecodedBytes = 256 * 1024 * 1024;
/** One answer does not say more than this, unless it is wrong. */
const mostTokens = 1_000_000_000;

interface Scanner {
  push(bytes: Uint8Array): void;
}

export class UsageReader {
  readonly #tokens = new TokenCount();
  readonly #scanner: Scanner;
  readonly #coding: string;
  #decoder: Transform | undefined = undefined;
  #decodedBytes = 0;
  #abandoned = false;

  constructor(kind: 'json' | 'events', coding: string) {
    const scanner = new UsageScanner((usage) => {
      this.#tokens.note(usage);
    });
    this.#scanner = kind === 'json' ? scanner : new EventScanner(scanner);
    this.#coding = coding;
  }

  /** As far as it is known by now. */
  get tokens(): number {
    return this.#tokens.sum;
  }

  push(chunk: Uint8Array): void {
    if (this.#coding === '') this.#scanner.push(chunk);
    else this.#decode(chunk);
  }

  /** No more comes. Calls back, perhaps at once, when all that came is read. */
  end(read: () => void): void {
    if (this.#decoder === undefined || this.#decoder.destroyed) {
      read();
      return;
    }
    this.#decoder.once('close', read);
    this.#decoder.end();
  }

  #decode(chunk: Uint8Array): void {
    const [first] = chunk;
    if (this.#abandoned || first === undefined) return;
    this.#decoder ??= this.#open(first);
    if (this.#decoder.writableLength > mostWaitingBytes) this.#abandon();
    else this.#decoder.write(chunk);
  }

  #open(firstByte: number): Transform {
    const decoder = decoderFor(this.#coding, firstByte);
    decoder.on('data', (piece: Buffer) => {
      this.#decodedBytes += piece.length;
      if (this.#decodedBytes > mostDecodedBytes) this.#abandon();
      else this.#scanner.push(piece);
    });
    // What is wrong with it is between the app and its client.
    decoder.on('error', () => {
      this.#abandon();
    });
    return decoder;
  }

  #abandon(): void {
    this.#abandoned = true;
    this.#decoder?.destroy();
  }
}

/** Undefined: there is nothing to be read in such an answer. */
export function usageReader(status: number, headers: RawHeaders): UsageReader | undefined {
  if (status < 200 || status > 299) return undefined;
  let type = '';
  let coding = '';
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]?.toLowerCase();
    const value = (headers[i + 1] ?? '').trim().toLowerCase();
    if (name === 'content-type') type = value.replace(/[\s;].*$/, '');
    // Codings one upon another are not read, and nobody uses them.
    else if (name === 'content-encoding' && value !== 'identity') coding += value;
  }
  if (coding !== '' && !decoders.has(coding)) return undefined;
  if (type === 'text/event-stream') return new UsageReader('events', coding);
  return /^application\/(?:json|[\w.+-]+\+json)$/.test(type) ? new UsageReader('json', coding) : undefined;
}

/** An answer that is cut is read as far as it came. */
const gzipOptions = { finishFlush: constants.Z_SYNC_FLUSH } as const;
const brotliOptions = { finishFlush: constants.BROTLI_OPERATION_FLUSH } as const;
/** RFC 9659: a window of 8 MiB at most. */
const zstdOptions = { finishFlush: constants.ZSTD_e_flush, params: { [constants.ZSTD_d_windowLogMax]: 23 } } as const;

const decoders: ReadonlyMap<string, (firstByte: number) => Transform> = new Map([
  ['gzip', (): Transform => createGunzip(gzipOptions)],
  ['x-gzip', (): Transform => createGunzip(gzipOptions)],
  // RFC 9110 §8.4.1.2: the zlib format, whose first byte says so; some apps send what is within it only.
  [
    'deflate',
    (first: number): Transform => ((first & 0x0f) === 8 ? createInflate(gzipOptions) : createInflateRaw(gzipOptions)),
  ],
  ['br', (): Transform => createBrotliDecompress(brotliOptions)],
  ['zstd', (): Transform => createZstdDecompress(zstdOptions)],
]);

function decoderFor(coding: string, firstByte: number): Transform {
  const open = decoders.get(coding);
  if (open === undefined) throw new TypeError(`no decoder for ${coding}`);
  return open(firstByte);
}

/** Streams say it again and again, each time all of it so far, and not every part each time: the most of each part counts. */
class TokenCount {
  #total = 0;
  readonly #parts = { read: 0, written: 0, cacheMade: 0, cacheRead: 0 };

  note(usage: Readonly<Record<string, unknown>>): void {
    const most = (before: number, ...names: readonly string[]): number =>
      Math.max(before, ...names.map((name) => tokensIn(usage[name])));
    const parts = this.#parts;
    this.#total = most(this.#total, 'total_tokens');
    parts.read = most(parts.read, 'prompt_tokens', 'input_tokens');
    parts.written = most(parts.written, 'completion_tokens', 'output_tokens');
    // Anthropic counts what its cache took and gave beside the input, OpenAI within.
    parts.cacheMade = most(parts.cacheMade, 'cache_creation_input_tokens');
    parts.cacheRead = most(parts.cacheRead, 'cache_read_input_tokens');
  }

  get sum(): number {
    const { read, written, cacheMade, cacheRead } = this.#parts;
    return this.#total > 0 ? this.#total : read + written + cacheMade + cacheRead;
  }
}

function tokensIn(value: unknown): number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= mostTokens ? value : 0;
}
