// A pipe handler that stores what arrives and reads only on request, to replay the calls of a
// recorded transcript.
import type { PortalError } from '../../src/portal/errors.ts';
import type { Pipe, PipeHandler } from '../../src/portal/yamux/pipe.ts';

export class PipeRecorder implements PipeHandler {
  readonly pipe: Pipe;
  #received: Buffer[] = [];
  #bytes = 0;
  totalBytes = 0;
  ended = false;
  failure: PortalError | undefined;
  drains = 0;
  /** True: consumes data as soon as it arrives. */
  readonly #greedy: boolean;

  constructor(pipe: Pipe, mode: 'greedy' | 'by hand') {
    this.pipe = pipe;
    this.#greedy = mode === 'greedy';
    pipe.setHandler(this);
  }

  get unreadBytes(): number {
    return this.#bytes;
  }

  data(chunk: Buffer): void {
    if (this.ended || this.failure !== undefined) throw new Error('data after the end');
    this.#received.push(Buffer.from(chunk)); // copied, because the chunk is only lent
    this.#bytes += chunk.length;
    this.totalBytes += chunk.length;
    if (this.#greedy) this.pipe.consumed(chunk.length);
  }

  end(): void {
    if (this.ended || this.failure !== undefined) throw new Error('a second end');
    this.ended = true;
  }

  drain(): void {
    this.drains += 1;
  }

  error(error: PortalError): void {
    if (this.failure !== undefined) throw new Error('a second error');
    this.failure = error;
  }

  /**
   * Reads up to `maxBytes`; the window opens by as many bytes, unless they were consumed on
   * arrival.
   */
  read(maxBytes?: number): Buffer {
    const all = Buffer.concat(this.#received);
    const taken = all.subarray(0, Math.min(maxBytes ?? Infinity, all.length));
    const rest = all.subarray(taken.length);
    this.#received = rest.length > 0 ? [rest] : [];
    this.#bytes = rest.length;
    if (!this.#greedy && taken.length > 0) this.pipe.consumed(taken.length);
    return taken;
  }
}
