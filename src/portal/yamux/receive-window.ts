// The receive window of one stream: what the peer may still send, when more is granted, and how far
// the window grows with the bandwidth-delay product, out of a budget shared by the streams of all
// sessions. yamux cannot revoke a grant, so a window shrinks by granting less than was consumed.
import type { Clock } from '../../kernel/clock.ts';
import { initialWindowBytes } from './frame.ts';
import { MinRoundTrip } from './round-trip.ts';
import type { GrownWindow, WindowBudget } from './window-budget.ts';
import { WindowPace } from './window-pace.ts';

/** Consuming half a window within this time is fast, however short the round trip is. */
const fastTurnMs = 50;

export interface WindowGrowthOptions {
  readonly receiveWindowBytes: number;
  readonly maxReceiveWindowBytes: number;
  /** Maximum window of a stream that is merely read fast, without a round trip that needs more. */
  readonly nearWindowBytes: number;
  readonly windowBudget: WindowBudget;
  /** The holder whose share of the budget the streams use; undefined: a share for the session. */
  readonly windowHolder: string | undefined;
  readonly clock: Clock;
}

/** Shared by the streams of a session. */
export class WindowGrowth {
  readonly receiveWindowBytes: number;
  readonly budget: WindowBudget;
  readonly holder: unknown;
  readonly #maxBytes: number;
  readonly #nearBytes: number;
  readonly #clock: Clock;
  /** The session's round trip, from its pings and streams. */
  readonly roundTrip: MinRoundTrip = new MinRoundTrip();
  readonly nowMs: () => number;

  constructor(options: WindowGrowthOptions) {
    this.receiveWindowBytes = options.receiveWindowBytes;
    this.budget = options.windowBudget;
    this.holder = options.windowHolder ?? this;
    this.#maxBytes = options.maxReceiveWindowBytes;
    this.#nearBytes = Math.min(options.nearWindowBytes, options.maxReceiveWindowBytes);
    this.#clock = options.clock;
    this.nowMs = () => this.#clock.monotonicMs();
  }

  get fixed(): boolean {
    return this.#maxBytes === this.receiveWindowBytes;
  }

  /** Whether a half window consumed in `turnMs` was consumed fast. */
  isFast(turnMs: number): boolean {
    return turnMs <= fastTurnMs;
  }

  /**
   * The desired growth of a window: to the size that the path needs, or to double if it is read
   * fast, within the limits.
   */
  wantedBytes(windowBytes: number, neededBytes: number, turnMs: number): number {
    const farBytes = Math.min(neededBytes, this.#maxBytes);
    const nearBytes = this.isFast(turnMs) ? Math.min(windowBytes * 2, this.#nearBytes) : 0;
    return Math.max(0, Math.max(farBytes, nearBytes) - windowBytes);
  }
}

export class ReceiveWindow implements GrownWindow {
  readonly holder: unknown;
  readonly #growth: WindowGrowth;
  #windowBytes: number;
  /** Bytes that the peer may still send. */
  #leftBytes = initialWindowBytes;
  /** Received bytes not reported as consumed. */
  #unreadBytes = 0;
  /** Consumed bytes not granted again. */
  #owedBytes = 0;
  /**
   * The excess of the last grant over half a window. The next grant comes sooner by this amount.
   * Otherwise the second half of a window would be slightly too small to be granted when the peer
   * has used it up, and each round trip would carry half a window only. Always 0 for windows that
   * do not grow, which are granted as in Go.
   */
  #aheadBytes = 0;
  #grantedAtMs = 0;
  /** When the first byte since the last grant arrived; 0: none has arrived. */
  #arrivedAtMs = 0;
  /** Credit that the peer holds beyond the window after the window shrank. */
  #retiredBytes = 0;
  /** Created at the first grant, so that a short stream does not pay for it. */
  #pace: WindowPace | undefined;

  /** `holder`: of this stream, if it differs from the session's. */
  constructor(growth: WindowGrowth, holder: string | undefined) {
    this.holder = holder ?? growth.holder;
    this.#growth = growth;
    this.#windowBytes = growth.receiveWindowBytes;
  }

  get grantedAtMs(): number {
    return this.#grantedAtMs;
  }

  get grownBytes(): number {
    return this.#windowBytes - this.#growth.receiveWindowBytes;
  }

  /**
   * The size of our window above the protocol's initial one, for the SYN or the ACK. Call it once.
   */
  surplusBytes(): number {
    const surplusBytes = this.#windowBytes - initialWindowBytes;
    this.#leftBytes += surplusBytes;
    this.#grantedAtMs = this.#growth.nowMs();
    return surplusBytes;
  }

  /** The peer acknowledged our SYN, before any grant. */
  acknowledged(): void {
    const nowMs = this.#growth.nowMs();
    this.#growth.roundTrip.sample(nowMs - this.#grantedAtMs, nowMs);
  }

  /** Handles a Data header. Returns false if it exceeds the granted bytes. */
  expect(bytes: number): boolean {
    if (bytes > this.#leftBytes) return false;
    this.#leftBytes -= bytes;
    this.#pace?.arrived(bytes, this.#growth.nowMs);
    return true;
  }

  receive(bytes: number): void {
    this.#unreadBytes += bytes;
    if (this.#arrivedAtMs === 0) this.#arrivedAtMs = this.#growth.nowMs();
  }

  /** Returns the bytes to grant to the peer now; 0 if too few were consumed for a frame. */
  consume(bytes: number): number {
    const consumedBytes = Math.min(bytes, this.#unreadBytes);
    this.#unreadBytes -= consumedBytes;
    this.#owedBytes += consumedBytes;
    if (!this.#isDue()) return 0;
    const nowMs = this.#growth.nowMs();
    const turnMs = nowMs - this.#grantedAtMs;
    this.#grantedAtMs = nowMs;
    if (this.#retiredBytes > 0 && !this.#settled(turnMs)) return 0;
    const grownBytes = this.#growth.fixed ? 0 : this.#resize(turnMs, nowMs);
    this.#arrivedAtMs = 0;
    const grantBytes = this.#owedBytes + grownBytes;
    if (!this.#growth.fixed) {
      const halfBytes = Math.floor(this.#windowBytes / 2);
      this.#aheadBytes = Math.min(this.#owedBytes + this.#aheadBytes - halfBytes, Math.floor(halfBytes / 2));
    }
    this.#windowBytes += grownBytes;
    this.#leftBytes += grantBytes;
    this.#owedBytes = 0;
    return grantBytes;
  }

  retire(): void {
    this.#retiredBytes = this.grownBytes;
    this.#windowBytes = this.#growth.receiveWindowBytes;
    this.#aheadBytes = 0;
  }

  /** The stream has ended. Idempotent. */
  close(): void {
    const { budget } = this.#growth;
    if (this.grownBytes > 0) budget.give(this.grownBytes, this);
    if (this.#retiredBytes > 0) budget.settle(this.#retiredBytes, this);
    this.#retiredBytes = 0;
    this.#windowBytes = this.#growth.receiveWindowBytes;
  }

  /** Whether half a window was consumed since the last complete half. */
  #isDue(): boolean {
    return this.#owedBytes + this.#aheadBytes >= Math.floor(this.#windowBytes / 2);
  }

  /** The growth of the window, or, below 0, its shrinkage, which is at most the owed bytes. */
  #resize(turnMs: number, nowMs: number): number {
    const { budget, roundTrip } = this.#growth;
    this.#pace ??= new WindowPace(roundTrip);
    const [windowBytes, arrivedAtMs] = [this.#windowBytes, this.#arrivedAtMs];
    const neededBytes = this.#pace.granted(windowBytes, this.#owedBytes, this.#leftBytes, arrivedAtMs, nowMs);
    if (this.grownBytes > 0) {
      const excessBytes = Math.min(budget.excessBytes(this), this.#owedBytes);
      if (excessBytes > 0) budget.give(excessBytes, this);
      else budget.used(this);
      if (excessBytes > 0) return -excessBytes;
    }
    const wantedBytes = this.#growth.wantedBytes(windowBytes, neededBytes, turnMs);
    return wantedBytes === 0 ? 0 : budget.take(wantedBytes, this, nowMs);
  }

  /**
   * For a retired window: whether the owed bytes may be granted, because the credit is in use again
   * or used up.
   */
  #settled(turnMs: number): boolean {
    const { budget } = this.#growth;
    if (this.#growth.isFast(turnMs) && budget.revive(this.#retiredBytes, this)) {
      this.#windowBytes += this.#retiredBytes;
      this.#retiredBytes = 0;
      return this.#isDue();
    }
    const settledBytes = Math.min(this.#owedBytes, this.#retiredBytes);
    budget.settle(settledBytes, this);
    this.#retiredBytes -= settledBytes;
    this.#owedBytes -= settledBytes;
    return this.#isDue();
  }
}
