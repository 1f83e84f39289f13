// Decodes the content coding of one response for token counting, bounded by a ratio, a size and the
// limits of the pool. Ends when it is stopped, or when the rest was read after the end of the
// response, within a second.
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib';
import type { Transform } from 'node:stream';
import type { DecodePool, DecodeWork } from './decode-pool.ts';

/** Why a response was not read completely. */
export type Unread = 'coding' | 'malformed' | 'ratio' | 'size' | 'busy' | 'stopped';

export interface DecoderOptions {
  readonly coding: string;
  readonly owner: string;
  readonly pool: DecodePool;
  readonly decoded: (piece: Uint8Array) => void;
  /** Called with the number of compressed bytes that were skipped since the last call. */
  readonly left: (bytes: number, why: Unread) => void;
}

/** Maximum ratio of decoded to compressed bytes; does not apply to the first bytes. */
export const maxRatio = 50;
const maxDecodedBytes = 32 * 1024 * 1024;
const freeDecodedBytes = 16 * 1024;
/** Maximum queued compressed bytes of one response. */
const maxWaitingBytes = 1024 * 1024;
/** Compressed bytes per zlib job: a millisecond or two of a thread, whatever their content. */
const sliceBytes = 16 * 1024;
/** Memory of a new decoder: its state and Node's streams. */
const fixedBytes = 64 * 1024;
/** The largest supported window (zstd), and so the largest amount of decoded data in memory. */
const maxWindowBytes = 8 * 1024 * 1024;
/** The steps in which a decoder's window is accounted. */
const windowStepBytes = 256 * 1024;
const finishMs = 1000;
/**
 * Spent from the pool's rate, in addition to the output, for a response that exceeds a bound: zlib
 * has decoded a window for it.
 */
const penaltyBytes = 1024 * 1024;

export class UsageDecoder implements DecodeWork {
  readonly owner: string;
  readonly #options: DecoderOptions;
  readonly #pool: DecodePool;
  #transform: Transform | undefined = undefined;
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #receivedBytes = 0;
  #decodedBytes = 0;
  #heldBytes = 0;
  #scheduled = false;
  /** The job in progress in zlib. */
  #underWay: { readonly bytes: number; readonly done: () => void } | undefined = undefined;
  #ended: (() => void) | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #over = false;
  #entered = false;

  constructor(options: DecoderOptions) {
    this.#options = options;
    this.#pool = options.pool;
    this.owner = options.owner;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (this.#over) {
      this.#options.left(chunk.length, 'stopped');
      return;
    }
    if (this.#receivedBytes === 0 && hasLargeWindow(this.#options.coding, chunk)) {
      this.#stop('size', chunk.length);
      return;
    }
    if (!this.#enter() || this.#waitingBytes + chunk.length > maxWaitingBytes || !this.#hold(chunk.length)) {
      this.#stop('busy', chunk.length);
      return;
    }
    this.#receivedBytes += chunk.length;
    this.#waitingBytes += chunk.length;
    // Copied, because the sender may reuse the memory of the chunk.
    this.#waiting.push(Buffer.from(chunk));
    this.#schedule();
  }

  /**
   * Call at the end of the response. Calls `read`, possibly synchronously, when all of it was read
   * or skipped.
   */
  end(read: () => void): void {
    this.#ended = read;
    if (this.#over || (this.#waitingBytes === 0 && this.#underWay === undefined)) this.stop();
    else {
      this.#timer = setTimeout(() => {
        this.#stop('busy');
      }, finishMs).unref();
    }
  }

  /** Ends at once and skips queued data. Idempotent. */
  stop(): void {
    this.#stop('stopped');
  }

  decodeNext(done: () => void): void {
    this.#scheduled = false;
    const piece = this.#nextSlice();
    if (piece === undefined) {
      done();
      return;
    }
    this.#transform ??= this.#open(piece);
    this.#underWay = { bytes: piece.length, done };
    this.#transform.write(piece, () => {
      this.#doneWith();
    });
  }

  #doneWith(): void {
    const slice = this.#underWay;
    if (slice === undefined) return;
    this.#underWay = undefined;
    this.#pool.release(this.owner, slice.bytes);
    this.#heldBytes -= slice.bytes;
    if (this.#over) this.#releaseAll();
    else if (this.#waitingBytes > 0) this.#schedule();
    else if (this.#ended !== undefined) this.stop();
    slice.done();
  }

  /** False: the pool has no room. */
  #enter(): boolean {
    if (this.#entered) return true;
    this.#entered = this.#pool.enter(this.owner);
    return this.#entered && this.#hold(fixedBytes);
  }

  /** Created lazily: an unused decoder of Node is not freed when it is destroyed. */
  #open(piece: Buffer): Transform {
    const transform = decoderFor(this.#options.coding, piece);
    transform.on('data', (decoded: Buffer) => {
      this.#take(decoded);
      // This runs between two jobs: destroying the decoder here prevents the next one.
      if (!this.#over) return;
      this.#pool.spend(penaltyBytes);
      transform.destroy();
    });
    // The client receives the same bytes and detects the error itself.
    transform.on('error', () => {
      this.#stop('malformed');
      this.#doneWith();
    });
    return transform;
  }

  #take(piece: Buffer): void {
    if (this.#over) return;
    const before = this.#decodedBytes;
    this.#decodedBytes += piece.length;
    this.#pool.spend(piece.length);
    if (this.#decodedBytes > Math.max(freeDecodedBytes, this.#receivedBytes * maxRatio)) this.#stop('ratio');
    else if (this.#decodedBytes > maxDecodedBytes) this.#stop('size');
    else if (!this.#hold(windowOf(this.#decodedBytes) - windowOf(before))) this.#stop('busy');
    else this.#options.decoded(piece);
  }

  #schedule(): void {
    if (this.#scheduled || this.#underWay !== undefined) return;
    this.#scheduled = true;
    this.#pool.schedule(this);
  }

  #nextSlice(): Buffer | undefined {
    const [first] = this.#waiting;
    if (first === undefined) return undefined;
    const slice = first.subarray(0, sliceBytes);
    if (slice.length === first.length) this.#waiting.shift();
    else this.#waiting[0] = first.subarray(sliceBytes);
    this.#waitingBytes -= slice.length;
    return slice;
  }

  #hold(bytes: number): boolean {
    if (bytes > 0 && !this.#pool.hold(this.owner, bytes)) return false;
    this.#heldBytes += bytes;
    return true;
  }

  /** `more`: bytes that arrived and were not queued. */
  #stop(why: Unread, more = 0): void {
    if (!this.#over) {
      this.#over = true;
      clearTimeout(this.#timer);
      if (this.#scheduled) this.#pool.unschedule(this);
      const unread = this.#waitingBytes + (this.#underWay?.bytes ?? 0) + more;
      this.#pool.release(this.owner, this.#waitingBytes);
      this.#heldBytes -= this.#waitingBytes;
      this.#waiting.length = 0;
      this.#waitingBytes = 0;
      if (unread > 0) this.#options.left(unread, why);
      if (this.#underWay === undefined) this.#releaseAll();
    }
    const ended = this.#ended;
    this.#ended = undefined;
    ended?.();
  }

  /**
   * Only when zlib is idle: a decoder that is destroyed during a job does not report the end of the
   * job, and the next decoder would occupy another of libuv's threads.
   */
  #releaseAll(): void {
    this.#transform?.destroy();
    this.#pool.release(this.owner, this.#heldBytes);
    this.#heldBytes = 0;
    if (this.#entered) this.#pool.leave(this.owner);
    this.#entered = false;
  }
}

function windowOf(decodedBytes: number): number {
  const steps = Math.ceil(Math.min(decodedBytes, maxWindowBytes) / windowStepBytes);
  return steps <= 1 ? 0 : steps * windowStepBytes;
}

/**
 * Maximum decoded bytes per libuv job. Each decoder allocates a buffer of this size, which becomes
 * garbage when it ends.
 */
const chunkSize = 4 * 1024;
/** RFC 9659: a window of at most 8 MiB. */
const zstdOptions = { chunkSize, params: { [constants.ZSTD_d_windowLogMax]: 23 } } as const;

/** Decoder factories, which receive the first bytes of a response. */
const decoders: ReadonlyMap<string, (first: Buffer) => Transform> = new Map([
  ['gzip', (): Transform => createGunzip({ chunkSize })],
  ['x-gzip', (): Transform => createGunzip({ chunkSize })],
  // RFC 9110 §8.4.1.2: the zlib format, recognised by its first byte; some apps send raw deflate
  // instead.
  [
    'deflate',
    (first: Buffer): Transform =>
      ((first[0] ?? 0) & 0x0f) === 8 ? createInflate({ chunkSize }) : createInflateRaw({ chunkSize }),
  ],
  ['br', (): Transform => createBrotliDecompress({ chunkSize })],
  ['zstd', (): Transform => createZstdDecompress(zstdOptions)],
]);

export function isReadableCoding(coding: string): boolean {
  return decoders.has(coding);
}

function decoderFor(coding: string, first: Buffer): Transform {
  const open = decoders.get(coding);
  if (open === undefined) throw new TypeError(`no decoder for ${coding}`);
  return open(first);
}

/**
 * Brotli decodes a whole window before it outputs a byte. RFC 7932 §9.1: streams with the largest
 * window, 16 MiB, begin with the bits 1111, those with 8 MiB with 1101. The default of compressors
 * is 4 MiB (1011), the largest that is decoded here.
 */
function hasLargeWindow(coding: string, [first = 0]: Uint8Array): boolean {
  return coding === 'br' && ((first & 0x0f) === 0x0f || (first & 0x0f) === 0x0d);
}
