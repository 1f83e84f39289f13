// Requests the relay's info and lease list. The response is parsed incrementally, in slices of the
// event loop, and buffers at most one window.
import { Slices } from '../kernel/work/slices.ts';
import { PortalError } from './errors.ts';
import type { RelayInfo } from './lease.ts';
import { LeaseListReader, type LeaseListOptions } from './packets/lease-list-reader.ts';
import { encodePacket } from './packets/packets.ts';
import type { Mux } from './yamux/mux.ts';
import type { Pipe, PipeHandler } from './yamux/pipe.ts';

export interface InfoOptions extends Partial<LeaseListOptions> {
  /** How long the relay may pause the response. Default 5 s. */
  readonly stallTimeoutMs?: number;
  /** Called for each piece of the response. */
  readonly received?: (bytes: number) => void;
}

/** Default limit of distinct lease ids. */
const defaultMaxLeases = 100_000;
const defaultStallTimeoutMs = 5_000;

/**
 * Throws PortalError packet_unexpected, packet_malformed, packet_too_large, stream_truncated,
 * lease_timeout if the relay stalls, the session's error, or the abort reason of `signal`.
 */
export async function requestInfo(mux: Mux, signal: AbortSignal, options: InfoOptions = {}): Promise<RelayInfo> {
  const { maxLeases = defaultMaxLeases, stallTimeoutMs = defaultStallTimeoutMs, received } = options;
  const pipe = await mux.open(signal);
  const chunks = new Chunks(pipe, stallTimeoutMs, signal);
  try {
    pipe.write([encodePacket({ type: 'relayInfoRequest' })]);
    const reader = new LeaseListReader({ ...options, maxLeases });
    const slices = new Slices();
    while (!reader.done) {
      const chunk = await chunks.next();
      if (chunk === undefined) throw ended(reader);
      received?.(chunk.length);
      await slices.run(reader.read(chunk));
      pipe.consumed(chunk.length);
    }
    return reader.result();
  } finally {
    chunks.close();
    // Each stream carries one request: discard further input.
    pipe.reset();
  }
}

function ended(reader: LeaseListReader): PortalError {
  return reader.begun
    ? new PortalError('stream_truncated', 'the relay ended the stream within its lease list')
    : new PortalError('packet_unexpected', 'the relay ended an info request without a response');
}

/** Received and unread chunks: at most one window. Supports one reader. */
class Chunks implements PipeHandler {
  #waiting: Buffer[] = [];
  #next = 0;
  readonly #signal: AbortSignal;
  readonly #stall: NodeJS.Timeout;
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(pipe: Pipe, stallTimeoutMs: number, signal: AbortSignal) {
    this.#signal = signal;
    this.#stall = setTimeout(() => {
      this.#fail(new PortalError('lease_timeout', `the relay sent nothing of its lease list for ${stallTimeoutMs} ms`));
    }, stallTimeoutMs);
    signal.addEventListener('abort', this.#aborted, { once: true });
    pipe.setHandler(this);
  }

  /** Returns undefined if the relay ended the stream. */
  async next(): Promise<Buffer | undefined> {
    for (;;) {
      this.#signal.throwIfAborted();
      const chunk = this.#take();
      if (chunk !== undefined) return chunk;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Not shift(), which moves all other entries: a relay may send a window byte by byte. */
  #take(): Buffer | undefined {
    const chunk = this.#waiting[this.#next];
    this.#next += 1;
    if (chunk === undefined) {
      this.#waiting = [];
      this.#next = 0;
    }
    return chunk;
  }

  /** Idempotent. */
  close(): void {
    clearTimeout(this.#stall);
    this.#signal.removeEventListener('abort', this.#aborted);
  }

  data(chunk: Buffer): void {
    this.#stall.refresh();
    // The chunk is valid only during this call.
    this.#waiting.push(Buffer.from(chunk));
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  drain(): void {
    // Nothing to do: the request is one small packet.
  }

  error(error: PortalError): void {
    this.#fail(error);
  }

  readonly #aborted = (): void => {
    this.#wake?.();
  };

  #fail(error: Error): void {
    this.#failure = error;
    this.#wake?.();
  }
}
