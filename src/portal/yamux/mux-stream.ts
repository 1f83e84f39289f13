// Owns one stream: its two directions, its two windows and what waits in either. Knows the frames that belong to it, not how
// they are read, nor which other streams there are.
import type { PortalError } from '../errors.ts';
import type { FrameBatch } from './frame-batch.ts';
import { flag, frameType, initialWindowBytes, maxUint32 } from './frame.ts';
import { InputQueue } from './input-queue.ts';
import type { Outbox, Sender } from './outbox.ts';
import type { Pipe, PipeHandler } from './pipe.ts';
import { ReceiveWindow, type WindowGrowth } from './receive-window.ts';
import { SendQueue } from './send-queue.ts';

/** Bytes queued on a stream from which write() returns false: one initial window, so that a peer is never kept waiting. */
export const streamHighWaterBytes = 262_144;
/** drain() is called once the queue has fallen so far: half, so that it is not called for each frame. */
const streamLowWaterBytes = streamHighWaterBytes / 2;
/** From so many bytes on, queued by all streams of a session together, a single stream is held to sharedHighWaterBytes. */
const sessionHighWaterBytes = 8_388_608;
const sharedHighWaterBytes = 16_384;
/** The largest Data frame that we send: a turn of a stream, and what another stream may have to wait for. */
const maxDataFrameBytes = 65_536;

/** What a stream needs of its session. */
export interface StreamHost {
  readonly outbox: Outbox;
  readonly windowGrowth: WindowGrowth;
  /** The stream of the peer left the backlog. */
  accepted(stream: MuxStream): void;
  /** The peer acknowledged our stream. */
  acknowledged(stream: MuxStream): void;
  /** This side has ended: from now on the peer's end is awaited, with a limit. */
  ending(stream: MuxStream): void;
  /** Both directions are over: forget the stream. */
  gone(stream: MuxStream): void;
}

/** What is wrong with a frame, in the peer's eyes as well as in ours. */
type Breach = 'over-window' | 'data-after-end';

export class MuxStream implements Pipe, Sender {
  readonly id: number;
  readonly openedBy: 'us' | 'peer';
  readonly #host: StreamHost;
  /** offered: opened by the peer, waiting for a handler here. waiting: opened by us, without ACK. */
  #opening: 'offered' | 'waiting' | 'established';
  #sending: 'open' | 'ending' | 'ended' = 'open';
  #receiving: 'open' | 'ended' = 'open';
  #life: 'live' | 'gone' = 'live';
  #handler: PipeHandler | undefined;
  /** Received before a handler was set. */
  #early: InputQueue | undefined;
  #earlyEnd = false;
  #earlyError: PortalError | undefined;
  #queue: SendQueue | undefined;
  #sendWindowBytes = initialWindowBytes;
  readonly #window: ReceiveWindow;
  #owesDrain = false;
  /** Something moved since the last look of the session: an end that is awaited gets more time. */
  #moved = false;
  nextSender: Sender | undefined = undefined;
  enlisted = false;

  /** `windowHolder`: uses this holder's part of the window budget instead of the session's. */
  constructor(id: number, host: StreamHost, openedBy: 'us' | 'peer', windowHolder?: string) {
    this.id = id;
    this.openedBy = openedBy;
    this.#host = host;
    this.#window = new ReceiveWindow(host.windowGrowth, windowHolder);
    this.#opening = openedBy === 'us' ? 'waiting' : 'offered';
    if (openedBy === 'us') this.#grantSurplus(flag.syn);
  }

  get opening(): 'offered' | 'waiting' | 'established' {
    return this.#opening;
  }

  get queuedBytes(): number {
    return this.#queue?.bytes ?? 0;
  }

  // --- the layer above

  setHandler(handler: PipeHandler): void {
    this.#handler = handler;
    this.#accept();
    this.#deliverEarly();
  }

  write(pieces: readonly Uint8Array[]): boolean {
    if (this.#life === 'gone' || this.#sending !== 'open') return true;
    this.#accept();
    const queue = (this.#queue ??= new SendQueue());
    const before = queue.bytes;
    for (const piece of pieces) queue.add(piece);
    const outbox = this.#host.outbox;
    outbox.queuedBytes += queue.bytes - before;
    if (this.#sendWindowBytes > 0 && queue.bytes > 0) outbox.enlist(this);
    const highWaterBytes = outbox.queuedBytes > sessionHighWaterBytes ? sharedHighWaterBytes : streamHighWaterBytes;
    if (queue.bytes < highWaterBytes) return true;
    this.#owesDrain = true;
    return false;
  }

  end(): void {
    if (this.#life === 'gone' || this.#sending !== 'open') return;
    this.#accept();
    this.#sending = 'ending';
    this.#moved = false;
    this.#host.ending(this);
    if (this.queuedBytes > 0) return;
    this.#host.outbox.control(frameType.windowUpdate, flag.fin, this.id, 0);
    this.#ended();
  }

  reset(): void {
    if (this.#life === 'gone') return;
    this.#host.outbox.control(frameType.windowUpdate, flag.rst, this.id, 0);
    this.#handler = undefined;
    this.#early = undefined;
    this.#earlyEnd = false;
    this.#leave();
  }

  consumed(bytes: number): void {
    if (this.#life === 'gone' || this.#receiving === 'ended') return;
    this.#moved = true;
    const grantBytes = this.#window.consume(bytes);
    if (grantBytes > 0) this.#host.outbox.control(frameType.windowUpdate, 0, this.id, grantBytes);
  }

  // --- the outbox

  frameInto(batch: FrameBatch): boolean {
    const queue = this.#queue;
    if (queue === undefined || this.#life === 'gone') return false;
    const bytes = Math.min(queue.bytes, this.#sendWindowBytes, maxDataFrameBytes);
    if (bytes === 0) return false;
    batch.header(frameType.data, 0, this.id, bytes);
    queue.moveInto(batch, bytes);
    this.#sendWindowBytes -= bytes;
    this.#host.outbox.queuedBytes -= bytes;
    this.#moved = true;
    if (queue.bytes > 0) return this.#sendWindowBytes > 0;
    if (this.#sending === 'ending') {
      // A frame of its own: a Go reader may take a FIN on a Data frame for the end before it sees the frame's body.
      batch.header(frameType.windowUpdate, flag.fin, this.id, 0);
      this.#ended();
    }
    return false;
  }

  get awaitsSent(): boolean {
    return this.#owesDrain && this.queuedBytes <= streamLowWaterBytes;
  }

  sent(): void {
    if (!this.awaitsSent || this.#life === 'gone' || this.#sending !== 'open') return;
    this.#owesDrain = false;
    this.#handler?.drain();
  }

  // --- the session, for frames of the peer

  acknowledge(): void {
    if (this.#opening !== 'waiting') return;
    this.#opening = 'established';
    this.#window.acknowledged();
    this.#host.acknowledged(this);
  }

  /** False when the window would be more than the protocol can say; it is then as large as it can be. */
  openWindow(bytes: number): boolean {
    const windowBytes = this.#sendWindowBytes + bytes;
    this.#sendWindowBytes = Math.min(windowBytes, maxUint32);
    if (this.queuedBytes > 0) this.#host.outbox.enlist(this);
    return windowBytes <= maxUint32;
  }

  /** A Data header: takes the body off the window before the first byte of it is looked at. */
  expect(bytes: number): Breach | undefined {
    if (!this.#window.expect(bytes)) return 'over-window';
    return this.#receiving === 'ended' ? 'data-after-end' : undefined;
  }

  receive(chunk: Buffer): void {
    if (this.#life === 'gone') return;
    this.#window.receive(chunk.length);
    this.#moved = true;
    if (this.#handler === undefined) (this.#early ??= new InputQueue()).add(chunk);
    else this.#handler.data(chunk);
  }

  get peerEnded(): boolean {
    return this.#receiving === 'ended';
  }

  receiveEnd(): void {
    if (this.#life === 'gone') return;
    this.#receiving = 'ended';
    if (this.#sending === 'ended') this.#leave();
    if (this.#handler === undefined) this.#earlyEnd = true;
    else this.#handler.end();
  }

  receiveReset(error: PortalError): void {
    if (this.#life === 'gone') return;
    // RST drops what was not read (Go does the same).
    this.#early = undefined;
    this.fail(error);
  }

  /** Ends the stream on this side only: the session is gone. What was received before stays readable. */
  fail(error: PortalError): void {
    if (this.#life === 'gone') return;
    this.#leave();
    if (this.#handler === undefined) this.#earlyError = error;
    else this.#handler.error(error);
  }

  /** The awaited end did not come: gives the stream up, on both sides. */
  abandon(error: PortalError): void {
    if (this.#life === 'gone') return;
    this.#host.outbox.control(frameType.windowUpdate, flag.rst, this.id, 0);
    this.fail(error);
  }

  /** True when something has moved since the last call: an end that is awaited deserves more time. */
  takeMoved(): boolean {
    const moved = this.#moved;
    this.#moved = false;
    return moved;
  }

  // --- inner steps

  /** The first thing that this side does with a stream of the peer accepts it. */
  #accept(): void {
    if (this.#opening !== 'offered') return;
    this.#opening = 'established';
    if (this.#life === 'gone') return;
    this.#host.accepted(this);
    // No ACK after the opener's end: Go never sends one, and there is nothing more to grant.
    if (this.#receiving === 'open') this.#grantSurplus(flag.ack);
  }

  /** The SYN or the ACK, which carries what our window has above the initial one. */
  #grantSurplus(flags: number): void {
    this.#host.outbox.control(frameType.windowUpdate, flags, this.id, this.#window.surplusBytes());
  }

  #deliverEarly(): void {
    // The handler is read each time: it may be replaced, or the stream reset, by what is delivered.
    for (let chunk = this.#early?.take(); chunk !== undefined; chunk = this.#early?.take()) this.#handler?.data(chunk);
    this.#early = undefined;
    if (this.#earlyEnd) {
      this.#earlyEnd = false;
      this.#handler?.end();
    }
    const error = this.#earlyError;
    if (error === undefined) return;
    this.#earlyError = undefined;
    this.#handler?.error(error);
  }

  #ended(): void {
    this.#sending = 'ended';
    if (this.#receiving === 'ended') this.#leave();
  }

  #leave(): void {
    this.#life = 'gone';
    this.#sending = 'ended';
    this.#host.outbox.queuedBytes -= this.queuedBytes;
    this.#queue = undefined;
    this.#window.close();
    this.#host.gone(this);
  }
}
