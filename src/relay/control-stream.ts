// Owns a stream while it carries requests and answers: what is held of it is counted, its silence and its refusal to read are
// limited, and it ends cleanly or is handed on. Knows nothing of what the packets ask for.
import { PortalError } from '../portal/errors.ts';
import { MessageStream } from '../portal/message-stream.ts';
import { lengthBytes } from '../portal/packets/length-prefix.ts';
import { MessageReader } from '../portal/packets/message-reader.ts';
import { decodePacket } from '../portal/packets/packets.ts';
import type { Packet } from '../portal/packets/packets.ts';
import type { Pipe, PipeHandler } from '../portal/yamux/pipe.ts';
import type { ByteBudget } from './byte-budget.ts';

/** A stream as it is handed on: what was received behind the last packet, and whether the peer has ended. */
export interface HandedOn {
  readonly pipe: Pipe;
  readonly rest: Buffer;
  readonly ended: boolean;
}

export class ControlStream implements PipeHandler {
  readonly #pipe: Pipe;
  readonly #messages: MessageStream;
  readonly #budget: ByteBudget;
  readonly #gone = new AbortController();
  #heldBytes = 0;
  #ended = false;
  #drained: (() => void) | undefined;

  constructor(pipe: Pipe, maxMessageBytes: number, budget: ByteBudget) {
    this.#pipe = pipe;
    this.#budget = budget;
    this.#messages = new MessageStream(pipe, new MessageReader(maxMessageBytes));
    pipe.setHandler(this);
  }

  /** Aborts when the peer resets the stream or its session is lost. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Undefined where the peer ended the stream between two packets. Throws PortalError, or what `signal` was aborted with. */
  async next(signal: AbortSignal): Promise<Packet | undefined> {
    const message = await this.#messages.next(signal);
    if (message === undefined) return undefined;
    this.#release(lengthBytes + message.length);
    return decodePacket(message);
  }

  /** Resolves once the peer takes what is sent, so that a request costs its sender the reading of the answer. */
  async send(packet: Buffer, signal: AbortSignal): Promise<void> {
    if (this.#pipe.write([packet])) return;
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

  /** Ends the part of packets: the stream is the caller's, who sets another handler in the same turn. */
  handOn(): HandedOn {
    const rest = this.#messages.detach();
    this.#release(this.#heldBytes);
    return { pipe: this.#pipe, rest, ended: this.#ended };
  }

  /**
   * Ends the stream behind what was sent. A client that dialled optimistically has more on its way: it is dropped, and a peer
   * that does not end within `lingerMs` gets RST.
   */
  finish(lingerMs: number): void {
    this.#release(this.#heldBytes);
    const pipe = this.#pipe;
    if (this.#ended || this.#gone.signal.aborted) {
      pipe.end();
      return;
    }
    const timer = setTimeout(() => {
      pipe.reset();
    }, lingerMs);
    const stop = (): void => {
      clearTimeout(timer);
    };
    // Nothing is credited: a peer that talks on is held at its window.
    pipe.setHandler({ data: ignore, end: stop, drain: ignore, error: stop });
    pipe.end();
  }

  abandon(): void {
    this.#release(this.#heldBytes);
    this.#pipe.reset();
  }

  data(chunk: Buffer): void {
    if (!this.#budget.take(chunk.length)) {
      this.#pipe.reset();
      this.error(new PortalError('packet_too_large', 'the connection holds too much in requests'));
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

function ignore(): void {
  // What comes after the end is of no interest.
}
