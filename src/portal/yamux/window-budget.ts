// The budget for the growth of receive windows over all sessions that share it, and each holder's
// share. A window without a recent grant returns its growth to streams that need it. Its peer may
// still use the credit that it holds, which is counted separately.

/**
 * A grown window without a grant for this time is idle, slow or not read. Longer than any round
 * trip for which a large window is useful.
 */
const idleMs = 2_000;
/**
 * A holder's windows grow by at most this fraction of what other holders leave, so that n busy
 * holders have 1/(n + 1) of the budget each: dynamic thresholds, as switches share a buffer between
 * ports.
 */
const holderShare = 0.5;
/**
 * A window's growth is at most this fraction of what the holder's other windows leave, so that
 * later streams get a share.
 */
const windowShare = 0.25;
/** Smaller growth is not worthwhile. */
const minGrowthBytes = 65_536;
/** Holders that one request for growth checks for idle windows; the next request checks others. */
const maxLooks = 64;

/** A window above its initial size. */
export interface GrownWindow {
  /**
   * A lease, an address or a session. The windows of one holder have one share of the budget.
   * Compared as a key of a Map.
   */
  readonly holder: unknown;
  /** Milliseconds, monotonic. */
  readonly grantedAtMs: number;
  /** Its growth above the initial size. */
  readonly grownBytes: number;
  /** The window returns to its initial size; its peer may hold credit for `grownBytes` more. */
  retire(): void;
}

/** The totals of one holder's windows. */
class Held {
  lentBytes = 0;
  retiredBytes = 0;
  /** The least recently granted window comes first. */
  readonly grown = new Set<GrownWindow>();
}

export class WindowBudget {
  /**
   * Half of the budget is for windows in use, half for the outstanding credit of retired windows:
   * the sum never exceeds the budget.
   */
  readonly #halfBytes: number;
  #lentBytes = 0;
  #retiredBytes = 0;
  /** Only holders with growth or credit. */
  readonly #holders = new Map<unknown, Held>();

  constructor(bytes: number) {
    this.#halfBytes = Math.floor(bytes / 2);
  }

  /** Growth in use and credit of retired windows, in bytes. Never more than the budget. */
  get heldBytes(): number {
    return this.#lentBytes + this.#retiredBytes;
  }

  /** heldBytes of one holder. */
  heldBytesOf(holder: unknown): number {
    const held = this.#holders.get(holder);
    return held === undefined ? 0 : held.lentBytes + held.retiredBytes;
  }

  /** Takes growth for a window: at most `wantedBytes`, possibly 0. */
  take(wantedBytes: number, window: GrownWindow, nowMs: number): number {
    this.#retireIdle(window, wantedBytes, nowMs);
    const bytes = Math.min(wantedBytes, this.#roomBytes(window));
    if (bytes < Math.min(minGrowthBytes, wantedBytes)) return 0;
    this.#count(window, bytes, 0);
    this.used(window);
    return bytes;
  }

  /**
   * How far a window exceeds its share after others requested growth; its next grants return the
   * excess.
   */
  excessBytes(window: GrownWindow): number {
    const excessBytes = Math.min(-this.#roomBytes(window), window.grownBytes);
    return excessBytes < minGrowthBytes ? 0 : excessBytes;
  }

  /** A grown window received a grant. */
  used(window: GrownWindow): void {
    const grown = this.#holders.get(window.holder)?.grown;
    grown?.delete(window);
    grown?.add(window);
  }

  /** The window is about to shrink by this many bytes. */
  give(bytes: number, window: GrownWindow): void {
    if (bytes === window.grownBytes) this.#holders.get(window.holder)?.grown.delete(window);
    this.#count(window, -bytes, 0);
  }

  /** The peer of a retired window has used this much credit, or is gone. */
  settle(bytes: number, window: GrownWindow): void {
    this.#count(window, 0, -bytes);
  }

  /** Returns credit of a retired window to use, all of it or nothing. */
  revive(bytes: number, window: GrownWindow): boolean {
    if (bytes > this.#roomBytes(window)) return false;
    this.#count(window, bytes, -bytes);
    this.used(window);
    return true;
  }

  /** By how much a window may grow, or, if negative, should shrink. */
  #roomBytes(window: GrownWindow): number {
    const { grownBytes } = window;
    const lentBytes = this.#holders.get(window.holder)?.lentBytes ?? 0;
    const holderBytes = (this.#halfBytes - (this.#lentBytes - lentBytes)) * holderShare;
    return Math.floor((holderBytes - (lentBytes - grownBytes)) * windowShare) - grownBytes;
  }

  /**
   * Retires idle windows until there is room for `asking`: those of its own holder first, then
   * those of others.
   */
  #retireIdle(asking: GrownWindow, wantedBytes: number, nowMs: number): void {
    const isEnough = (): boolean => this.#roomBytes(asking) >= wantedBytes;
    const own = this.#holders.get(asking.holder);
    if (own !== undefined) this.#retireIdleOf(own, asking, isEnough, nowMs);
    let looks = Math.min(maxLooks, this.#holders.size);
    for (const [holder, held] of this.#holders) {
      if (looks === 0 || isEnough()) return;
      looks -= 1;
      this.#holders.delete(holder);
      this.#holders.set(holder, held);
      this.#retireIdleOf(held, asking, isEnough, nowMs);
    }
  }

  #retireIdleOf(held: Held, asking: GrownWindow, isEnough: () => boolean, nowMs: number): void {
    for (const window of held.grown) {
      if (isEnough() || nowMs - window.grantedAtMs < idleMs) return;
      if (window === asking) continue;
      const bytes = window.grownBytes;
      // As for growth: the unused credit of a holder's peers is at most half of what the others
      // leave.
      const holderBytes = (this.#halfBytes - (this.#retiredBytes - held.retiredBytes)) * holderShare;
      if (held.retiredBytes + bytes > holderBytes) return;
      held.grown.delete(window);
      this.#count(window, -bytes, bytes);
      window.retire();
    }
  }

  #count(window: GrownWindow, lentBytes: number, retiredBytes: number): void {
    const held = this.#holders.get(window.holder) ?? new Held();
    this.#holders.set(window.holder, held);
    this.#lentBytes += lentBytes;
    this.#retiredBytes += retiredBytes;
    held.lentBytes += lentBytes;
    held.retiredBytes += retiredBytes;
    if (held.lentBytes === 0 && held.retiredBytes === 0) this.#holders.delete(window.holder);
  }
}
