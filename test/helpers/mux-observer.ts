// Observes a carrier: follows every frame in either direction and fails when a sender exceeds a
// window. Shares no code with the mux and does its own naive accounting.
import assert from 'node:assert/strict';
import type { Carrier, CarrierHandler } from '../../src/portal/websocket/carrier.ts';
import { flags, parseFrames, types } from './mux-frames.ts';

const initialWindowBytes = 262_144;

/** The windows of both directions of all streams. */
export class WindowAccounts {
  /** The remaining window, by sending side and stream id. */
  readonly #left = new Map<string, number>();
  readonly #ended = new Set<string>();
  readonly maxWindowBytes: number;
  frames = 0;
  dataBytes = 0;

  constructor(maxWindowBytes: number) {
    this.maxWindowBytes = maxWindowBytes;
  }

  sent(by: 'left' | 'right', bytes: Buffer): void {
    const other = by === 'left' ? 'right' : 'left';
    for (const frame of parseFrames(bytes)) {
      this.frames += 1;
      const own = `${by} ${frame.id}`;
      const theirs = `${other} ${frame.id}`;
      if (frame.type === types.data) {
        const left = (this.#left.get(own) ?? initialWindowBytes) - frame.length;
        assert.ok(left >= 0, `${own} exceeds its window by ${-left}`);
        assert.ok(!this.#ended.has(own), `${own} sends data after its end`);
        this.#left.set(own, left);
        this.dataBytes += frame.length;
      } else if (frame.type === types.windowUpdate) {
        const granted = (this.#left.get(theirs) ?? initialWindowBytes) + frame.length;
        assert.ok(granted <= this.maxWindowBytes, `${by} grants ${granted} on stream ${frame.id}`);
        this.#left.set(theirs, granted);
      }
      if ((frame.flags & (flags.fin | flags.rst)) !== 0) this.#ended.add(own);
    }
  }
}

export class ObservedCarrier implements Carrier {
  readonly #inner: Carrier;
  readonly #accounts: WindowAccounts;
  readonly #side: 'left' | 'right';

  constructor(inner: Carrier, side: 'left' | 'right', accounts: WindowAccounts) {
    this.#inner = inner;
    this.#side = side;
    this.#accounts = accounts;
  }

  get remote(): string {
    return this.#inner.remote;
  }

  get bufferedBytes(): number {
    return this.#inner.bufferedBytes;
  }

  setHandler(handler: CarrierHandler): void {
    this.#inner.setHandler(handler);
  }

  send(pieces: readonly Uint8Array[], bytes: number): boolean {
    this.#accounts.sent(this.#side, Buffer.concat(pieces));
    return this.#inner.send(pieces, bytes);
  }

  close(): void {
    this.#inner.close();
  }
}
