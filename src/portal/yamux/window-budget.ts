// What receive windows may grow by together, over all sessions that share the budget, and each holder's part of it. A window that was
// not granted anything for a while returns its growth to streams that need it, but its peer may still use the credit that it holds: that
// is counted apart.

/** A grown window without a grant for this time is idle, slow or not read. Longer than any round trip worth a large window. */
const idleMs = 2_000;
/**
 * A holder's windows grow by at most this part of what other holders leave, so that n busy holders have 1/(n + 1) of the budget each:
 * dynamic thresholds, as switches share a buffer between their ports.
 */
const holderShare = 0.5;
/** No window holds more growth than this part of what the holder's other windows leave, so that later streams find some. */
const windowShare = 0.25;
/** Less growth than this is not worth a larger window. */
const minGrowthBytes = 65_536;
/** Holders that one request for growth looks at for idle windows; the next one looks at others. */
const maxLooks = 64;

/** A window above its initial size. */
export interface GrownWindow {
  /** A lease, an address or a session. The windows of one holder share a part of the budget. Compared as a key of a Map. */
  readonly holder: unknown;
  /** Milliseconds, monotonic. */
  readonly grantedAtMs: number;
  /** What it has grown by. */
  readonly grownBytes: number;
  /** The window is as large as in the beginning from now on; its peer may hold credit for `grownBytes` more. */
  retire(): void;
}

/** What a holder's windows have. */
class Held {
  lentBytes = 0;
  retiredBytes = 0;
  /** The one that was granted something least recently comes first. */
  readonly grown = new Set<GrownWindow>();
}

export class WindowBudget {
  /** Half of the budget is for windows in use, half for the credit that retired windows have out: the sum never exceeds the budget. */
  readonly #halfBytes: number;
  #lentBytes = 0;
  #retiredBytes = 0;
  /** Without those that hold nothing. */
  readonly #holders = new Map<unknown, Held>();

  constructor(bytes: number) {
    this.#halfBytes = Math.floor(bytes / 2);
  }

  /** Growth in use and credit of retired windows, bytes. Never more than the budget. */
  get heldBytes(): number {
    return this.#lentBytes + this.#retiredBytes;
  }

  /** The same of one holder. */
  heldBytesOf(holder: unknown): number {
    const held = this.#holders.get(holder);
    return held === undefined ? 0 : held.lentBytes + held.retiredBytes;
  }

  /** Growth for a window: as much as wanted, or less, or 0. */
  take(wantedBytes: number, window: GrownWindow, nowMs: number): number {
    this.#retireIdle(window, wantedBytes, nowMs);
    const bytes = Math.min(wantedBytes, this.#roomBytes(window));
    if (bytes < Math.min(minGrowthBytes, wantedBytes)) return 0;
    this.#count(window, bytes, 0);
    this.used(window);
    return bytes;
  }

  /** How far a window is beyond its share, now that others want growth too: its next grants return the excess. */
  excessBytes(window: GrownWindow): number {
    const excessBytes = Math.min(-this.#roomBytes(window), window.grownBytes);
    return excessBytes < minGrowthBytes ? 0 : excessBytes;
  }

  /** The window, which has growth, was granted something. */
  used(window: GrownWindow): void {
    const grown = this.#holders.get(window.holder)?.grown;
    grown?.delete(window);
    grown?.add(window);
  }

  /** The window is about to become smaller by so much. */
  give(bytes: number, window: GrownWindow): void {
    if (bytes === window.grownBytes) this.#holders.get(window.holder)?.grown.delete(window);
    this.#count(window, -bytes, 0);
  }

  /** A retired window's peer has used so much of its credit, or is gone. */
  settle(bytes: number, window: GrownWindow): void {
    this.#count(window, 0, -bytes);
  }

  /** Takes credit of a retired window back into use, all of it or nothing. */
  revive(bytes: number, window: GrownWindow): boolean {
    if (bytes > this.#roomBytes(window)) return false;
    this.#count(window, bytes, -bytes);
    this.used(window);
    return true;
  }

  /** By how much a window may grow, or, below 0, should shrink. */
  #roomBytes(window: GrownWindow): number {
    const { grownBytes } = window;
    const lentBytes = this.#holders.get(window.holder)?.lentBytes ?? 0;
    const holderBytes = (this.#halfBytes - (this.#lentBytes - lentBytes)) * holderShare;
    return Math.floor((holderBytes - (lentBytes - grownBytes)) * windowShare) - grownBytes;
  }

  /** Until there is room for `asking`: the idle windows of its own holder first, then those of others. */
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
      // As for growth: a holder's peers may keep unused credit for half of what the others leave.
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
