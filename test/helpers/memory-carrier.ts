// Two carriers joined in memory: each side receives what the other sends in a later event loop
// turn, as from a socket. Does not interpret the bytes; a splitter may cut them anywhere.
import type { Carrier, CarrierHandler } from '../../src/portal/websocket/carrier.ts';
import type { PortalError } from '../../src/portal/errors.ts';

export interface MemoryCarrierOptions {
  /** Cuts each message into the chunks that the other side receives. Default: no cuts. */
  readonly splitter?: (message: Buffer) => readonly Buffer[];
  /** send() returns false at this backlog or above, as in the websocket carrier. Default: 1 MiB. */
  readonly highWaterBytes?: number;
}

const defaultHighWaterBytes = 1_048_576;

export class MemoryCarrier implements Carrier {
  readonly remote = 'memory:0';
  readonly #splitter: ((message: Buffer) => readonly Buffer[]) | undefined;
  readonly #highWaterBytes: number;
  #peer: MemoryCarrier | undefined;
  #handler: CarrierHandler | undefined;
  /** Sent by this side, not yet delivered to the peer. */
  #outbox: Buffer[] = [];
  #bufferedBytes = 0;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #scheduled = false;
  #blocked = false;
  #held = false;
  /** The largest backlog so far in bytes, for assertions about memory. */
  peakBufferedBytes = 0;
  sentBytes = 0;
  sendCalls = 0;

  constructor(options: MemoryCarrierOptions) {
    this.#splitter = options.splitter;
    this.#highWaterBytes = options.highWaterBytes ?? defaultHighWaterBytes;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  get closed(): boolean {
    return this.#state !== 'open';
  }

  join(peer: MemoryCarrier): void {
    this.#peer = peer;
  }

  setHandler(handler: CarrierHandler): void {
    this.#handler = handler;
    if (this.#peer !== undefined) this.#peer.#schedule();
  }

  send(pieces: readonly Uint8Array[], bytes: number): boolean {
    if (this.#state !== 'open') return true;
    const message = Buffer.concat(pieces);
    if (message.length !== bytes) throw new Error(`send() announced ${bytes} bytes and got ${message.length}`);
    this.#outbox.push(message);
    this.#bufferedBytes += bytes;
    this.sentBytes += bytes;
    this.sendCalls += 1;
    this.peakBufferedBytes = Math.max(this.peakBufferedBytes, this.#bufferedBytes);
    this.#schedule();
    if (this.#bufferedBytes < this.#highWaterBytes) return true;
    this.#blocked = true;
    return false;
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#handler = undefined;
    this.#schedule();
  }

  /** Stops the delivery of this side's bytes. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#schedule();
  }

  /** Breaks the connection for both sides, each of which is notified in a later turn. */
  cut(error: PortalError): void {
    this.#breakDown(error);
    if (this.#peer !== undefined) this.#peer.#breakDown(error);
  }

  #breakDown(error: PortalError): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#outbox = [];
    this.#bufferedBytes = 0;
    setImmediate(() => {
      const handler = this.#handler;
      this.#handler = undefined;
      handler?.close(error);
    });
  }

  #schedule(): void {
    if (this.#scheduled || this.#held || (this.#outbox.length === 0 && this.#state !== 'closing')) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#deliver();
    });
  }

  #deliver(): void {
    this.#scheduled = false;
    const peer = this.#peer;
    if (peer === undefined || this.#held) return;
    if (peer.#state !== 'open') {
      this.#outbox = [];
      this.#bufferedBytes = 0;
    } else {
      if (peer.#handler === undefined) return;
      const messages = this.#outbox;
      this.#outbox = [];
      for (const message of messages) {
        this.#bufferedBytes -= message.length;
        for (const chunk of this.#splitter === undefined ? [message] : this.#splitter(message)) peer.#receive(chunk);
      }
      if (this.#blocked && this.#bufferedBytes < this.#highWaterBytes) {
        this.#blocked = false;
        this.#handler?.drain();
      }
    }
    if (this.#outbox.length > 0) this.#schedule();
    else if (this.#state === 'closing') this.#finish(peer);
  }

  /** Reads the handler each time: it may close its side, or be replaced, on any chunk. */
  #receive(chunk: Buffer): void {
    this.#handler?.data(chunk);
  }

  #finish(peer: MemoryCarrier): void {
    this.#state = 'closed';
    if (peer.#state !== 'open') return;
    peer.#state = 'closed';
    const handler = peer.#handler;
    peer.#handler = undefined;
    handler?.close(undefined);
  }
}

/** Two carriers, each the other's peer. */
export function memoryCarrierPair(options: MemoryCarrierOptions = {}): [MemoryCarrier, MemoryCarrier] {
  const left = new MemoryCarrier(options);
  const right = new MemoryCarrier(options);
  left.join(right);
  right.join(left);
  return [left, right];
}
