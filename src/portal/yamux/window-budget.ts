// What receive windows may grow by together, over all sessions that share the budget. A window that was not granted anything for a
// while returns its growth to streams that need it, but its peer may still use the credit that it holds: that is counted apart.

/** A grown window without a grant for this time is idle, slow or not read. Longer than any round trip worth a large window. */
const idleMs = 2_000;
/** No window holds more growth than this part of what the others left, so that later streams find some. */
const largestShare = 0.25;
/** Less growth than this is not worth a larger window. */
const leastGrowthBytes = 65_536;

/** A window above its initial size. */
export interface GrownWindow {
  /** Milliseconds, monotonic. */
  readonly grantedAtMs: number;
  /** What it has grown by. */
  readonly grownBytes: number;
  /** The window is as large as in the beginning from now on; its peer may hold credit for `grownBytes` more. */
  retire(): void;
}

export class WindowBudget {
  /** Half of the budget is for windows in use, half for the credit that retired windows have out: the sum never exceeds the budget. */
  readonly #halfBytes: number;
  #lentBytes = 0;
  #retiredBytes = 0;
  /** The one that was granted something least recently comes first. */
  readonly #grown = new Set<GrownWindow>();

  constructor(bytes: number) {
    this.#halfBytes = Math.floor(bytes / 2);
  }

  /** Growth in use and credit of retired windows, bytes. Never more than the budget. */
  get heldBytes(): number {
    return this.#lentBytes + this.#retiredBytes;
  }

  /** Growth for a window: as much as wanted, or less, or 0. */
  take(wantedBytes: number, window: GrownWindow, nowMs: number): number {
    const { grownBytes } = window;
    if (wantedBytes > this.#shareBytes(grownBytes)) this.#retireIdle(window, nowMs);
    const bytes = Math.min(wantedBytes, this.#shareBytes(grownBytes));
    if (bytes < Math.min(leastGrowthBytes, wantedBytes)) return 0;
    this.#lentBytes += bytes;
    this.used(window);
    return bytes;
  }

  /** The window was granted something. */
  used(window: GrownWindow): void {
    this.#grown.delete(window);
    this.#grown.add(window);
  }

  /** The window is gone. */
  give(bytes: number, window: GrownWindow): void {
    if (this.#grown.delete(window)) this.#lentBytes -= bytes;
  }

  /** A retired window's peer has used so much of its credit, or is gone. */
  settle(bytes: number): void {
    this.#retiredBytes -= bytes;
  }

  /** Takes credit of a retired window back into use, all of it or nothing. */
  revive(bytes: number, window: GrownWindow): boolean {
    if (bytes > this.#shareBytes(0)) return false;
    this.#retiredBytes -= bytes;
    this.#lentBytes += bytes;
    this.used(window);
    return true;
  }

  /** What a window that has grown by so much may grow by. */
  #shareBytes(grownBytes: number): number {
    const othersLeftBytes = this.#halfBytes - this.#lentBytes + grownBytes;
    return Math.max(0, Math.floor(othersLeftBytes * largestShare) - grownBytes);
  }

  #retireIdle(asking: GrownWindow, nowMs: number): void {
    for (const window of this.#grown) {
      if (nowMs - window.grantedAtMs < idleMs) return;
      const bytes = window.grownBytes;
      if (window === asking || this.#retiredBytes + bytes > this.#halfBytes) continue;
      this.#grown.delete(window);
      this.#lentBytes -= bytes;
      this.#retiredBytes += bytes;
      window.retire();
    }
  }
}
