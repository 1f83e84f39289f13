// Two ends of a flow-controlled byte stream in memory, with the window semantics of a multiplexed
// stream but without a multiplexer. Delivery is asynchronous and in order, and may be split into
// pieces of any size, as on a network.
import { PortalError } from '../../src/portal/errors.ts';
import type { Pipe, PipeHandler } from '../../src/portal/yamux/pipe.ts';

export interface MemoryPipeOptions {
  /** Maximum bytes that one side may have in flight or unconsumed at the other. */
  readonly windowBytes?: number;
  /** write() returns false at this backlog or above. */
  readonly highWaterMarkBytes?: number;
  /** The maximum size of the next delivery, in bytes. */
  readonly chunkBytes?: () => number;
}

export class MemoryPipe implements Pipe {
  readonly id: number;
  peer!: MemoryPipe;
  /** Counters and flags for assertions. */
  readonly seen = { sentBytes: 0, maxUnconsumedBytes: 0, fin: false, reset: false };
  /** Every byte written, when recording is on. */
  recorded: Buffer[] | undefined;
  readonly #options: Required<MemoryPipeOptions>;
  #handler: PipeHandler | undefined;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #windowLeftBytes: number;
  #unconsumedBytes = 0;
  #finQueued = false;
  #endDelivered = false;
  #needDrain = false;
  #closed = false;
  #scheduled = false;

  constructor(id: number, options: Required<MemoryPipeOptions>) {
    this.id = id;
    this.#options = options;
    this.#windowLeftBytes = options.windowBytes;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Bytes delivered to this side's handler that it has not consumed yet. */
  get unconsumedBytes(): number {
    return this.#unconsumedBytes;
  }

  setHandler(handler: PipeHandler): void {
    this.#handler = handler;
    this.peer.#schedule();
  }

  write(pieces: readonly Uint8Array[]): boolean {
    if (this.#closed || this.#finQueued) return true;
    for (const piece of pieces) {
      if (piece.length === 0) continue;
      this.#queue.push(piece);
      this.#queuedBytes += piece.length;
      this.recorded?.push(Buffer.from(piece));
    }
    this.#schedule();
    if (this.#queuedBytes < this.#options.highWaterMarkBytes) return true;
    this.#needDrain = true;
    return false;
  }

  end(): void {
    this.#finQueued = true;
    this.#schedule();
  }

  reset(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.seen.reset = true;
    setImmediate(() => {
      this.peer.fail(new PortalError('stream_reset', 'reset by the peer'));
    });
  }

  consumed(bytes: number): void {
    this.#unconsumedBytes -= bytes;
    if (this.#unconsumedBytes < 0) throw new Error('more consumed than was received');
    this.peer.#windowLeftBytes += bytes;
    this.peer.#schedule();
  }

  /** Fails the pipe, as a broken session does. */
  fail(error: PortalError): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#handler?.error(error);
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    const { peer } = this;
    const handler = peer.#handler;
    if (handler === undefined) return;
    while (this.#queue.length > 0 && this.#windowLeftBytes > 0 && !this.#closed && !peer.#closed) {
      const chunk = this.#take(Math.min(this.#windowLeftBytes, Math.max(1, this.#options.chunkBytes())));
      this.#windowLeftBytes -= chunk.length;
      this.seen.sentBytes += chunk.length;
      peer.#unconsumedBytes += chunk.length;
      peer.seen.maxUnconsumedBytes = Math.max(peer.seen.maxUnconsumedBytes, peer.#unconsumedBytes);
      handler.data(chunk);
    }
    if (this.#needDrain && this.#queuedBytes < this.#options.highWaterMarkBytes / 2 && !this.#closed) {
      this.#needDrain = false;
      this.#handler?.drain();
    }
    if (this.#finQueued && this.#queue.length === 0 && !this.#endDelivered && !this.#closed && !peer.#closed) {
      this.#endDelivered = true;
      peer.seen.fin = true;
      handler.end();
    }
  }

  #take(maxBytes: number): Buffer {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    while (bytes < maxBytes) {
      const piece = this.#queue[0];
      if (piece === undefined) break;
      const part = piece.subarray(0, maxBytes - bytes);
      if (part.length === piece.length) this.#queue.shift();
      else this.#queue[0] = piece.subarray(part.length);
      parts.push(part);
      bytes += part.length;
    }
    this.#queuedBytes -= bytes;
    return Buffer.concat(parts, bytes);
  }
}

export function memoryPipePair(options: MemoryPipeOptions = {}): [MemoryPipe, MemoryPipe] {
  const complete = { windowBytes: 256 * 1024, highWaterMarkBytes: 256 * 1024, chunkBytes: () => 32 * 1024, ...options };
  const a = new MemoryPipe(1, complete);
  const b = new MemoryPipe(1, complete);
  a.peer = b;
  b.peer = a;
  return [a, b];
}
