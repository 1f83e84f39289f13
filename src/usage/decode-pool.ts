// Bounds the decompression for token counting over all responses: the number of decoders, their
// memory and their rate. Decodes one piece at a time, so that zlib occupies at most one of libuv's
// threads and one core.
import type { Clock } from '../kernel/clock.ts';

export interface DecodeLimits {
  /** Maximum open decoders. */
  readonly maxDecoders: number;
  /** Maximum memory of all decoders: queued data, windows, and a fixed amount for each. */
  readonly maxHeldBytes: number;
  /** Decoded bytes a second, and the burst after an idle period. */
  readonly bytesPerSecond: number;
  readonly burstBytes: number;
}

/**
 * Event streams are read at about 100 MB a second, so this rate takes a sixth of the event loop.
 */
export const defaultDecodeLimits: DecodeLimits = {
  maxDecoders: 512,
  maxHeldBytes: 64 * 1024 * 1024,
  bytesPerSecond: 16 * 1024 * 1024,
  burstBytes: 32 * 1024 * 1024,
};

/** A decoder with a queued piece. */
export interface DecodeWork {
  /** The lease whose share is charged. */
  readonly owner: string;
  /** Decodes the next piece; calls `done` once, when zlib has finished. */
  decodeNext(done: () => void): void;
}

interface Share {
  decoders: number;
  heldBytes: number;
}

export class DecodePool {
  readonly #limits: DecodeLimits;
  readonly #clock: Clock;
  readonly #all: Share = { decoders: 0, heldBytes: 0 };
  readonly #shares = new Map<string, Share>();
  /** By owner, in the order of service. */
  readonly #waiting = new Map<string, DecodeWork[]>();
  #busy = false;
  #credit: number;
  #creditAtMs: number;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(clock: Clock, limits: DecodeLimits = defaultDecodeLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#credit = limits.burstBytes;
    this.#creditAtMs = clock.monotonicMs();
  }

  get decoders(): number {
    return this.#all.decoders;
  }

  get heldBytes(): number {
    return this.#all.heldBytes;
  }

  /**
   * False: there are too many decoders, or too many of this owner while the pool is nearly full.
   */
  enter(owner: string): boolean {
    const { maxDecoders } = this.#limits;
    if (!mayGrow(this.#all.decoders + 1, this.#of(owner).decoders + 1, maxDecoders)) return false;
    this.#of(owner).decoders += 1;
    this.#all.decoders += 1;
    return true;
  }

  leave(owner: string): void {
    this.#of(owner).decoders -= 1;
    this.#all.decoders -= 1;
    this.#forgetEmpty(owner);
  }

  /** Charges memory to a decoder. False: that would exceed the limit, and nothing was charged. */
  hold(owner: string, bytes: number): boolean {
    const share = this.#of(owner);
    if (!mayGrow(this.#all.heldBytes + bytes, share.heldBytes + bytes, this.#limits.maxHeldBytes)) return false;
    share.heldBytes += bytes;
    this.#all.heldBytes += bytes;
    return true;
  }

  release(owner: string, bytes: number): void {
    this.#of(owner).heldBytes -= bytes;
    this.#all.heldBytes -= bytes;
    this.#forgetEmpty(owner);
  }

  /** Queues work that has a piece to decode. The work must not be queued already. */
  schedule(work: DecodeWork): void {
    const queue = this.#waiting.get(work.owner);
    if (queue === undefined) this.#waiting.set(work.owner, [work]);
    else queue.push(work);
    this.#next();
  }

  /** Removes work from the queue. */
  unschedule(work: DecodeWork): void {
    const queue = this.#waiting.get(work.owner);
    const at = queue?.indexOf(work) ?? -1;
    if (queue === undefined || at === -1) return;
    queue.splice(at, 1);
    if (queue.length === 0) this.#waiting.delete(work.owner);
  }

  /** Charges decoded bytes to the rate. */
  spend(bytes: number): void {
    this.#credit -= bytes;
  }

  #next(): void {
    if (this.#busy || this.#timer !== undefined) return;
    const [first] = this.#waiting;
    if (first === undefined) return;
    const waitMs = this.#waitMs();
    if (waitMs > 0) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#next();
      }, waitMs).unref();
      return;
    }
    const [owner, queue] = first;
    const work = queue.shift();
    // Round robin over the owners, whatever the length of their queues.
    this.#waiting.delete(owner);
    if (queue.length > 0) this.#waiting.set(owner, queue);
    if (work === undefined) return;
    this.#busy = true;
    let done = false;
    work.decodeNext(() => {
      if (done) return;
      done = true;
      this.#busy = false;
      this.#next();
    });
  }

  #waitMs(): number {
    const { bytesPerSecond, burstBytes } = this.#limits;
    const nowMs = this.#clock.monotonicMs();
    this.#credit = Math.min(burstBytes, this.#credit + ((nowMs - this.#creditAtMs) / 1000) * bytesPerSecond);
    this.#creditAtMs = nowMs;
    return this.#credit > 0 ? 0 : Math.ceil((-this.#credit / bytesPerSecond) * 1000) + 1;
  }

  #of(owner: string): Share {
    let share = this.#shares.get(owner);
    if (share === undefined) {
      share = { decoders: 0, heldBytes: 0 };
      this.#shares.set(owner, share);
    }
    return share;
  }

  #forgetEmpty(owner: string): void {
    const share = this.#shares.get(owner);
    if (share?.decoders === 0 && share.heldBytes === 0) this.#shares.delete(owner);
  }
}

/** While more than three quarters of the pool are in use, no owner may exceed one quarter. */
function mayGrow(all: number, own: number, max: number): boolean {
  return all <= max && (all * 4 <= max * 3 || own * 4 <= max);
}
