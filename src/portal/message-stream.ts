// Reads length-prefixed messages from a stream: control packets and the handshake. The stream can
// be handed over afterwards. Does not interpret messages.
import { PortalError } from './errors.ts';
import type { MessageReader } from './packets/message-reader.ts';
import type { Pipe, PipeHandler } from './yamux/pipe.ts';

type Waiter = (outcome: Buffer | PortalError | undefined) => void;

/**
 * Supports one reader and one message at a time. Buffers at most the message limit and one window.
 */
export class MessageStream implements PipeHandler {
  readonly #pipe: Pipe;
  readonly #reader: MessageReader;
  #ended = false;
  #error: PortalError | undefined;
  #waiter: Waiter | undefined;
  #unconsumedBytes = 0;

  constructor(pipe: Pipe, reader: MessageReader) {
    this.#pipe = pipe;
    this.#reader = reader;
    pipe.setHandler(this);
  }

  /**
   * The next message, or undefined if the peer ended the stream between two messages. Throws
   * PortalError: packet_too_large, stream_truncated, the error of the stream, or the abort reason
   * of `signal`.
   */
  async next(signal: AbortSignal): Promise<Buffer | undefined> {
    if (this.#waiter !== undefined) throw new Error('a message is already awaited');
    signal.throwIfAborted();
    const ready = this.#take();
    if (ready !== 'nothing yet') {
      if (ready instanceof PortalError) throw ready;
      return ready;
    }
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#waiter = undefined;
        reject(signal.reason as Error);
      };
      this.#waiter = (outcome) => {
        signal.removeEventListener('abort', abort);
        if (outcome instanceof PortalError) reject(outcome);
        else resolve(outcome);
      };
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  /**
   * Ends the message phase. Returns the bytes after the last message, already credited to the
   * peer's window.
   */
  detach(): Buffer {
    const rest = this.#reader.rest();
    this.#credit();
    return rest;
  }

  /**
   * As detach(), for a tunnel: also returns whether the peer has ended. Throws the error of the
   * stream if it failed.
   */
  handOver(): { readonly initial: Buffer; readonly initialEnd: boolean } {
    if (this.#error !== undefined) throw this.#error;
    return { initial: this.detach(), initialEnd: this.#ended };
  }

  data(chunk: Buffer): void {
    // The chunk is valid only during this call, and the reader keeps views.
    this.#reader.push(Buffer.from(chunk));
    this.#unconsumedBytes += chunk.length;
    // Without a waiting reader nothing is credited, so an early sender stops after one window.
    if (this.#waiter !== undefined) this.#credit();
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  drain(): void {
    // Messages are small and few, so no writer waits for room.
  }

  error(error: PortalError): void {
    this.#error = error;
    this.#wake();
  }

  #credit(): void {
    const bytes = this.#unconsumedBytes;
    this.#unconsumedBytes = 0;
    if (bytes > 0 && !this.#ended) this.#pipe.consumed(bytes);
  }

  #wake(): void {
    if (this.#waiter === undefined) return;
    const outcome = this.#take();
    if (outcome === 'nothing yet') return;
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter(outcome);
  }

  #take(): Buffer | PortalError | undefined | 'nothing yet' {
    try {
      const message = this.#reader.next();
      if (message !== undefined) return message;
    } catch (error) {
      if (error instanceof PortalError) return error;
      throw error;
    }
    if (this.#error !== undefined) return this.#error;
    if (!this.#ended) {
      this.#credit();
      return 'nothing yet';
    }
    return this.#reader.rest().length === 0
      ? undefined
      : new PortalError('stream_truncated', 'the stream ended in the middle of a message');
  }
}
