// A carrier whose memory is counted: the part of a message that has arrived, and what waits for the socket to take it. A connection that
// holds more than its address may is cut.
import type { Socket } from 'node:net';
import type { Carrier, CarrierHandler } from '../portal/websocket/carrier.ts';
import type { HeldMemory } from './memory-ledger.ts';

/** Sockets, parsers and tables of one websocket, idle. */
const websocketBytes = 65_536;
/** Less than this of a message comes in one read of the socket, and is not worth counting. */
const readBytes = 65_536;

export class MeteredCarrier implements Carrier {
  readonly #inner: Carrier;
  readonly #socket: Socket;
  readonly #memory: HeldMemory;
  /** Of the socket, when the last message was delivered. */
  #deliveredAt: number;

  /** `memory`: of this carrier alone; it is the caller's to release. */
  constructor(inner: Carrier, socket: Socket, memory: HeldMemory) {
    this.#inner = inner;
    this.#socket = socket;
    this.#memory = memory;
    this.#deliveredAt = socket.bytesRead;
    // Behind the websocket's own listener: what is left is the beginning of a message.
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

  /** Recounts what may have shrunk without an event. */
  sweep(): void {
    this.#count();
  }

  #count(): void {
    const partBytes = Math.max(0, this.#socket.bytesRead - this.#deliveredAt - readBytes);
    if (!this.#memory.hold(websocketBytes + partBytes + this.#inner.bufferedBytes)) this.#socket.destroy();
  }
}
