// A stream while it carries requests and responses. Counts its memory, limits idle time and unread
// output, and closes the stream cleanly or hands it over. Does not interpret packets.
import { setTimeout } from 'node:timers/promises';
import { TimeLimit } from '../kernel/work/time-limit.ts';
import { ignore } from '../kernel/ignore.ts';
import { PortalError } from '../portal/errors.ts';
import { MessageStream } from '../portal/message-stream.ts';
import { lengthBytes } from '../portal/packets/length-prefix.ts';
import { MessageReader } from '../portal/packets/message-reader.ts';
import { decodePacket } from '../portal/packets/packets.ts';
import type { Packet } from '../portal/packets/packets.ts';
import type { Pipe, PipeHandler } from '../portal/yamux/pipe.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { HeldMemory } from './memory-ledger.ts';

/**
 * A stream that is handed over: the bytes received after the last packet, and whether the peer has
 * ended.
 */
export interface HandedOn {
  readonly pipe: Pipe;
  readonly rest: Buffer;
  readonly ended: boolean;
}

/** Memory of a stream: windows, reader and promises. */
export const streamBytes = 4_096;
/** Interval of the check whether all queued bytes are sent. */
const sentCheckMs = 20;

export class ControlStream implements PipeHandler {
  readonly #pipe: Pipe;
  readonly #messages: MessageStream;
  readonly #budget: ByteBudget;
  readonly #held: HeldMemory;
  readonly #gone = new AbortController();
  #heldBytes = 0;
  #ended = false;
  #drained: (() => void) | undefined;

  /**
   * `budget`: charged for received bytes. `held`: of this stream alone, charged for the stream and
   * its output queue.
   */
  constructor(pipe: Pipe, maxMessageBytes: number, budget: ByteBudget, held: HeldMemory) {
    this.#pipe = pipe;
    this.#held = held;
    this.#budget = budget;
    this.#messages = new MessageStream(pipe, new MessageReader(maxMessageBytes));
    pipe.setHandler(this);
  }

  /** Aborts when the peer resets the stream or its session is lost. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /**
   * Returns undefined if the peer ended the stream between two packets. Throws PortalError or the
   * abort reason of `signal`.
   */
  async next(signal: AbortSignal): Promise<Packet | undefined> {
    const message = await this.#messages.next(signal);
    if (message === undefined) return undefined;
    this.#release(lengthBytes + message.length);
    return decodePacket(message);
  }

  /**
   * Resolves once the peer has taken the bytes, so that a client must read each response before the
   * next request is served.
   */
  async send(packet: Uint8Array | readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    const hasRoom = this.#pipe.write(packet instanceof Uint8Array ? [packet] : packet);
    if (!this.#held.hold(streamBytes + this.#pipe.queuedBytes)) {
      this.abandon();
      throw new PortalError('too_many_streams', 'too many bytes of unread responses for this address');
    }
    if (hasRoom) return;
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const stop = (): void => {
      reject(signal.reason as Error);
    };
    this.#drained = () => {
      resolve(undefined);
    };
    signal.addEventListener('abort', stop, { once: true });
    try {
      signal.throwIfAborted();
      await promise;
    } finally {
      signal.removeEventListener('abort', stop);
      this.#drained = undefined;
    }
  }

  /**
   * Ends the packet phase. The stream then belongs to the caller, which must set another handler in
   * the same turn of the event loop.
   */
  handOn(): HandedOn {
    const rest = this.#messages.detach();
    this.#release(this.#heldBytes);
    this.#held.release();
    return { pipe: this.#pipe, rest, ended: this.#ended };
  }

  /**
   * Ends the stream after the queued bytes. A client that dialled optimistically may still be
   * sending: those bytes are dropped. A peer that does not end, or does not read the queued bytes,
   * within `lingerMs` gets RST. Resolves when nothing of the stream is left.
   */
  async finish(lingerMs: number): Promise<void> {
    this.#release(this.#heldBytes);
    const pipe = this.#pipe;
    const { promise: over, resolve } = Promise.withResolvers<undefined>();
    const stop = (): void => {
      resolve(undefined);
    };
    if (this.#ended || this.#gone.signal.aborted) stop();
    // Nothing is credited, so a peer that keeps sending stops at its window.
    else pipe.setHandler({ data: ignore, end: stop, drain: ignore, error: stop });
    pipe.end();
    using limit = new TimeLimit(lingerMs);
    limit.signal.addEventListener('abort', stop, { once: true });
    await over;
    while (pipe.queuedBytes > 0 && !limit.signal.aborted) await setTimeout(sentCheckMs);
    pipe.reset();
    this.#held.release();
  }

  abandon(): void {
    this.#release(this.#heldBytes);
    this.#held.release();
    this.#pipe.reset();
  }

  data(chunk: Buffer): void {
    if (!this.#budget.take(chunk.length)) {
      this.#pipe.reset();
      this.error(new PortalError('packet_too_large', 'too many bytes of unfinished requests on this connection'));
      return;
    }
    this.#heldBytes += chunk.length;
    this.#messages.data(chunk);
  }

  end(): void {
    this.#ended = true;
    this.#messages.end();
  }

  drain(): void {
    this.#drained?.();
  }

  error(error: PortalError): void {
    this.#gone.abort(error);
    this.#messages.error(error);
  }

  #release(bytes: number): void {
    this.#heldBytes -= bytes;
    this.#budget.give(bytes);
  }
}
