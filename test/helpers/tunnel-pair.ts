// A tunnel without a relay: two Duplex ends joined in memory that fail like real ones. A reset of
// one end appears as a clean end of stream at the other, since real relays do not forward RST;
// after that, the other end's writes never complete.
import { Duplex } from 'node:stream';

export class TunnelEnd extends Duplex {
  #peer: TunnelEnd | undefined;
  #release: (() => void) | undefined;
  /** Bytes written to this end and accepted. */
  bytesWritten = 0;

  constructor() {
    super({ allowHalfOpen: true, readableHighWaterMark: 65_536, writableHighWaterMark: 65_536 });
  }

  join(peer: TunnelEnd): void {
    this.#peer = peer;
  }

  override _read(): void {
    const release = this.#peer?.takeRelease();
    release?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.bytesWritten += chunk.length;
    const peer = this.#peer;
    // A write to a peer that was reset is never accepted: it blocks.
    if (peer === undefined || peer.destroyed) return;
    if (peer.push(chunk)) setImmediate(done);
    else this.#release = done;
  }

  override _final(done: () => void): void {
    this.#peer?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const peer = this.#peer;
    if (peer !== undefined && !peer.destroyed && !this.writableFinished) setImmediate(() => peer.push(null));
    done(error);
  }

  takeRelease(): (() => void) | undefined {
    const release = this.#release;
    this.#release = undefined;
    return release;
  }
}

/** Two ends, each the other's peer. */
export function tunnelPair(): [TunnelEnd, TunnelEnd] {
  const left = new TunnelEnd();
  const right = new TunnelEnd();
  left.join(right);
  right.join(left);
  return [left, right];
}
