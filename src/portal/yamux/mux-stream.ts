// One stream: its two directions, their windows and queues. Does not parse frames or know other
// streams.
import type { PortalError } from '../errors.ts';
import type { FrameBatch } from './frame-batch.ts';
import { flag, frameType, initialWindowBytes, maxUint32 } from './frame.ts';
import { InputQueue } from './input-queue.ts';
import type { Outbox, Sender } from './outbox.ts';
import type { Pipe, PipeHandler } from './pipe.ts';
import { ReceiveWindow, type WindowGrowth } from './receive-window.ts';
import { SendQueue } from './send-queue.ts';

/**
 * Queued bytes from which write() returns false: one initial window, so that the peer's window can
 * always be filled.
 */
export const streamHighWaterBytes = 262_144;
/** drain() is called once the queue has fallen to half, so that it is not called for each frame. */
const streamLowWaterBytes = streamHighWaterBytes / 2;
/**
 * Queued bytes of all streams of a session from which each stream is limited to
 * sharedHighWaterBytes.
 */
const sessionHighWaterBytes = 8_388_608;
const sharedHighWaterBytes = 16_384;
/**
 * The largest Data frame that we send: one turn of a stream, and the longest delay that it causes
 * to another stream.
 */
const maxDataFrameBytes = 65_536;

/** What a stream uses of its session. */
export interface StreamHost {
  readonly outbox: Outbox;
  readonly windowGrowth: WindowGrowth;
  /** The peer's stream left the backlog. */
  accepted(stream: MuxStream): void;
  /** The peer acknowledged our stream. */
  acknowledged(stream: MuxStream): void;
  /** This side has ended; the peer's end must follow within a time limit. */
  ending(stream: MuxStream): void;
  /** Both directions have ended: the session can forget the stream. */
  gone(stream: MuxStream): void;
}

/** Protocol violations in a frame of the peer. */
type Breach = 'over-window' | 'data-after-end';

export class MuxStream implements Pipe, Sender {
  readonly id: number;
  readonly openedBy: 'us' | 'peer';
  readonly #host: StreamHost;
  /** offered: opened by the peer, waiting for a handler. waiting: opened by us, without ACK. */
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
  /** Bytes moved since the session's last check, which extends the wait for the peer's end. */
  #moved = false;
  nextSender: Sender | undefined = undefined;
  enlisted = false;

  /** `windowHolder`: uses this holder's share of the window budget instead of the session's. */
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

  // --- calls from the layer above

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

  // --- calls from the outbox

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
      // FIN is a frame of its own: on a Data frame, a Go reader may see the end before the frame's
      // body.
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

  // --- calls from the session, for frames of the peer

  acknowledge(): void {
    if (this.#opening !== 'waiting') return;
    this.#opening = 'established';
    this.#window.acknowledged();
    this.#host.acknowledged(this);
  }

  /**
   * Returns false if the window would exceed the maximum of the protocol; it is then set to the
   * maximum.
   */
  openWindow(bytes: number): boolean {
    const windowBytes = this.#sendWindowBytes + bytes;
    this.#sendWindowBytes = Math.min(windowBytes, maxUint32);
    if (this.queuedBytes > 0) this.#host.outbox.enlist(this);
    return windowBytes <= maxUint32;
  }

  /** A Data header: subtracts the body from the window before any of it is read. */
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
    // RST drops unread bytes, as in Go.
    this.#early = undefined;
    this.fail(error);
  }

  /**
   * Ends the stream on this side only, because the session has ended. Bytes received before remain
   * readable.
   */
  fail(error: PortalError): void {
    if (this.#life === 'gone') return;
    this.#leave();
    if (this.#handler === undefined) this.#earlyError = error;
    else this.#handler.error(error);
  }

  /** The peer's end did not arrive in time: resets the stream. */
  abandon(error: PortalError): void {
    if (this.#life === 'gone') return;
    this.#host.outbox.control(frameType.windowUpdate, flag.rst, this.id, 0);
    this.fail(error);
  }

  /**
   * Returns true if bytes moved since the last call; the wait for the peer's end is then extended.
   */
  takeMoved(): boolean {
    const moved = this.#moved;
    this.#moved = false;
    return moved;
  }

  // --- internal steps

  /** Accepts a stream of the peer at the first action of this side. */
  #accept(): void {
    if (this.#opening !== 'offered') return;
    this.#opening = 'established';
    if (this.#life === 'gone') return;
    this.#host.accepted(this);
    // No ACK after the opener's end: Go never sends one, and no window needs to be granted.
    if (this.#receiving === 'open') this.#grantSurplus(flag.ack);
  }

  /** Sends the SYN or the ACK, with the size of our window above the initial one. */
  #grantSurplus(flags: number): void {
    this.#host.outbox.control(frameType.windowUpdate, flags, this.id, this.#window.surplusBytes());
  }

  #deliverEarly(): void {
    // The handler is read in each iteration: delivered data may replace it or reset the stream.
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
