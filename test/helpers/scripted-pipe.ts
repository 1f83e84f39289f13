// A byte pipe whose peer is the test: events happen synchronously within the test's calls.
import type { BytePipe, BytePipeHandler } from '../../src/kernel/net/byte-pipe.ts';

export class ScriptedPipe implements BytePipe {
  handler: BytePipeHandler | undefined;
  readonly written: Buffer[] = [];
  ended = false;
  destroyed = false;
  closed = false;
  needsDrain = false;
  bytesSent = 0;
  bytesReceived = 0;
  /** True: written bytes leave at once. False: they wait for send(). */
  sends = true;
  /** True: write() returns false. */
  full = false;
  paused = false;
  #unsentBytes = 0;
  #held: Buffer[] = [];
  #end: 'none' | 'held' | 'delivered' = 'none';
  #failure: Error | undefined;
  #closeReported = false;

  setHandler(handler: BytePipeHandler): void {
    this.handler = handler;
    if (this.closed) this.#reportClose();
    else this.#deliver();
  }

  write(chunk: Uint8Array): boolean {
    if (this.closed || this.ended) return true;
    this.written.push(Buffer.from(chunk));
    this.#unsentBytes += chunk.length;
    if (this.sends) this.send();
    this.needsDrain = this.full;
    return !this.full;
  }

  end(): void {
    if (this.closed) return;
    this.ended = true;
    if (this.#end === 'delivered') this.#close(undefined);
  }

  destroy(): void {
    if (this.closed) return;
    this.destroyed = true;
    this.#close(undefined);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.#deliver();
  }

  get text(): string {
    return Buffer.concat(this.written).toString('latin1');
  }

  // The methods below act for the peer.

  send(): void {
    this.bytesSent += this.#unsentBytes;
    this.#unsentBytes = 0;
  }

  receive(bytes: string | Buffer): void {
    const chunk = Buffer.from(bytes as string, 'latin1');
    if (this.closed || this.#end !== 'none' || chunk.length === 0) return;
    this.bytesReceived += chunk.length;
    this.#held.push(chunk);
    this.#deliver();
  }

  receiveEnd(): void {
    if (this.closed || this.#end !== 'none') return;
    this.#end = 'held';
    this.#deliver();
  }

  drain(): void {
    this.full = false;
    this.needsDrain = false;
    this.handler?.drain();
  }

  fail(error: Error): void {
    if (!this.closed) this.#close(error);
  }

  #deliver(): void {
    while (!this.paused && !this.closed && this.handler !== undefined) {
      const chunk = this.#held.shift();
      if (chunk === undefined) break;
      this.handler.data(chunk);
    }
    if (this.#end !== 'held' || this.#held.length > 0 || this.paused || this.closed) return;
    if (this.handler === undefined) return;
    this.#end = 'delivered';
    this.handler.end();
    if (this.ended) this.#close(undefined);
  }

  #close(error: Error | undefined): void {
    if (this.closed) return;
    this.closed = true;
    this.#failure = error;
    if (this.handler !== undefined) this.#reportClose();
  }

  #reportClose(): void {
    if (this.#closeReported) return;
    this.#closeReported = true;
    queueMicrotask(() => this.handler?.closed(this.#failure));
  }
}
