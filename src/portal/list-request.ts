// Requests what a relay says of itself and the leases that it lists. The response is read as it arrives, in slices of the event
// loop, and the relay may send no more than one window ahead of that.
import { Slices } from '../kernel/work/slices.ts';
import { PortalError } from './errors.ts';
import type { RelayInfo } from './lease.ts';
import { LeaseListReader, type LeaseListOptions } from './packets/lease-list-reader.ts';
import { encodePacket } from './packets/packets.ts';
import type { Mux } from './yamux/session.ts';
import type { Pipe, PipeHandler } from './yamux/pipe.ts';

export interface InfoOptions extends Partial<LeaseListOptions> {
  /** How long the relay may send nothing. Default 5 s. */
  readonly stallTimeoutMs?: number;
  /** Called for each piece of the response. */
  readonly received?: (bytes: number) => void;
}

/** Distinct lease ids, for callers that set no bound of their own. */
const defaultMaxLeases = 100_000;
const defaultStallTimeoutMs = 5_000;

/**
 * Throws PortalError packet_unexpected, packet_malformed, packet_too_large, stream_truncated, lease_timeout where the relay stalls,
 * the session's end, or `signal`'s reason.
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
    // One request a stream: nothing is to come that anybody would read.
    pipe.reset();
  }
}

function ended(reader: LeaseListReader): PortalError {
  return reader.begun
    ? new PortalError('stream_truncated', 'the relay ended the stream in the middle of its lease list')
    : new PortalError('packet_unexpected', 'the relay ended an info request without a response');
}

/** What arrived and was not read yet: at most one window. One reader. */
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

  /** Undefined: the relay ended the stream. */
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

  /** Not by shift(), which moves all the others: a relay may send a window byte by byte. */
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
    // Lent for the length of this call.
    this.#waiting.push(Buffer.from(chunk));
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  drain(): void {
    // The request is one small packet.
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
