// A carrier whose memory is counted: the partial message received so far, and the bytes that wait
// for the socket. A connection over the limit of its address is closed.
import type { Socket } from 'node:net';
import type { Carrier, CarrierHandler } from '../portal/websocket/carrier.ts';
import type { HeldMemory } from './memory-ledger.ts';

/** Memory of an idle websocket: sockets, parsers and tables. */
const websocketBytes = 65_536;
/** A partial message below this size arrives in one read of the socket and is not counted. */
const readBytes = 65_536;

export class MeteredCarrier implements Carrier {
  readonly #inner: Carrier;
  readonly #socket: Socket;
  readonly #memory: HeldMemory;
  /** The socket's `bytesRead` when the last message was delivered. */
  #deliveredAt: number;

  /** `memory`: for this carrier alone; the caller must release it. */
  constructor(inner: Carrier, socket: Socket, memory: HeldMemory) {
    this.#inner = inner;
    this.#socket = socket;
    this.#memory = memory;
    this.#deliveredAt = socket.bytesRead;
    // Runs after the websocket's own listener, so the remaining bytes belong to a partial message.
    socket.on('data', () => {
      if (socket.bytesRead - this.#deliveredAt > readBytes) this.#count();
    });
    this.#count();
  }

  get bufferedBytes(): number {
    return this.#inner.bufferedBytes;
  }

  get remote(): string {
    return this.#inner.remote;
  }

  setHandler(handler: CarrierHandler): void {
    this.#inner.setHandler({
      data: (chunk) => {
        this.#deliveredAt = this.#socket.bytesRead;
        handler.data(chunk);
      },
      drain: () => {
        this.#count();
        handler.drain();
      },
      close: (error) => {
        handler.close(error);
      },
    });
  }

  send(pieces: readonly Uint8Array[], bytes: number): boolean {
    const hasRoom = this.#inner.send(pieces, bytes);
    if (!hasRoom) this.#count();
    return hasRoom;
  }

  close(): void {
    this.#inner.close();
  }

  /** Updates the count, because buffers may shrink without an event. */
  sweep(): void {
    this.#count();
  }

  #count(): void {
    const partBytes = Math.max(0, this.#socket.bytesRead - this.#deliveredAt - readBytes);
    if (!this.#memory.hold(websocketBytes + partBytes + this.#inner.bufferedBytes)) this.#socket.destroy();
  }
}
