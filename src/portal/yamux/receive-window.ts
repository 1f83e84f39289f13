// Owns what the peer may still send on one stream, when it is told of more, and how far a window grows that is turned over faster
// than a round trip: with 256 KiB a bulk transfer waits for us. All growth of a session comes out of one allowance, so that its
// streams together hold a bounded amount however many of them are fast at first and stop reading then.
import type { Clock } from '../../kernel/clock.ts';
import { initialWindowBytes } from './frame.ts';

/** What the windows of one session may grow by, together. */
const sharedGrowthBytes = 33_554_432;
/** Half a window within so much is fast, also where the round trip is shorter or not known. */
const fastTurnMs = 50;

export interface WindowGrowthOptions {
  readonly receiveWindowBytes: number;
  readonly maxReceiveWindowBytes: number;
  readonly clock: Clock;
}

/** Shared by the streams of a session. */
export class WindowGrowth {
  readonly receiveWindowBytes: number;
  readonly #maxBytes: number;
  readonly #clock: Clock;
  readonly #rttMs: () => number | undefined;
  #leftBytes = sharedGrowthBytes;

  constructor(options: WindowGrowthOptions, rttMs: () => number | undefined) {
    this.receiveWindowBytes = options.receiveWindowBytes;
    this.#maxBytes = options.maxReceiveWindowBytes;
    this.#clock = options.clock;
    this.#rttMs = rttMs;
  }

  nowMs(): number {
    return this.#clock.monotonicMs();
  }

  /** By how much a window of this size grows whose half was turned over in so much time: as much again, or less, or not at all. */
  take(windowBytes: number, turnMs: number): number {
    if (windowBytes >= this.#maxBytes || turnMs > Math.max(fastTurnMs, this.#rttMs() ?? 0)) return 0;
    const bytes = Math.min(windowBytes, this.#maxBytes - windowBytes, this.#leftBytes);
    this.#leftBytes -= bytes;
    return bytes;
  }

  give(bytes: number): void {
    this.#leftBytes += bytes;
  }
}

export class ReceiveWindow {
  readonly #growth: WindowGrowth;
  #windowBytes: number;
  /** What the peer may still send. */
  #leftBytes = initialWindowBytes;
  /** Received and not reported as consumed. */
  #unreadBytes = 0;
  /** Consumed and not granted again. */
  #owedBytes = 0;
  #grantedAtMs = 0;

  constructor(growth: WindowGrowth) {
    this.#growth = growth;
    this.#windowBytes = growth.receiveWindowBytes;
  }

  /** What our window has above the protocol's initial one, for the SYN or the ACK. Once. */
  surplusBytes(): number {
    const surplusBytes = this.#windowBytes - initialWindowBytes;
    this.#leftBytes += surplusBytes;
    this.#grantedAtMs = this.#growth.nowMs();
    return surplusBytes;
  }

  /** A Data header. False: more than was granted. */
  expect(bytes: number): boolean {
    if (bytes > this.#leftBytes) return false;
    this.#leftBytes -= bytes;
    return true;
  }

  receive(bytes: number): void {
    this.#unreadBytes += bytes;
  }

  /** What to grant to the peer now. 0: not enough was consumed to be worth a frame. */
  consume(bytes: number): number {
    const consumedBytes = Math.min(bytes, this.#unreadBytes);
    this.#unreadBytes -= consumedBytes;
    this.#owedBytes += consumedBytes;
    if (this.#owedBytes < Math.floor(this.#windowBytes / 2)) return 0;
    const nowMs = this.#growth.nowMs();
    const grownBytes = this.#growth.take(this.#windowBytes, nowMs - this.#grantedAtMs);
    const grantBytes = this.#owedBytes + grownBytes;
    this.#windowBytes += grownBytes;
    this.#leftBytes += grantBytes;
    this.#owedBytes = 0;
    this.#grantedAtMs = nowMs;
    return grantBytes;
  }

  /** The stream is over. Idempotent. */
  close(): void {
    this.#growth.give(this.#windowBytes - this.#growth.receiveWindowBytes);
    this.#windowBytes = this.#growth.receiveWindowBytes;
  }
}
