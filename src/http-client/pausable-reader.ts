// What the readers of requests and responses share: pausing, holding the bytes that arrive in the
// meantime, and reading bodies. The events do not depend on how the bytes are split.
import type { RawHeaders } from '../kernel/http/http.ts';
import { BodyReader } from './body-reader.ts';
import { HeadScanner } from './head-scanner.ts';
import { HeldBytes } from './held-bytes.ts';

/**
 * done: a complete message was read. failed: reading has thrown, or stop() was called; further
 * bytes are ignored.
 */
type CommonPhase = 'done' | 'failed';

export interface BodyDataHandler {
  /** Never empty. A slice of the pushed buffer; the receiver owns it. */
  data(chunk: Buffer): void;
}

export abstract class PausableReader<Phase extends string> {
  protected readonly scanner: HeadScanner = new HeadScanner();
  protected readonly body: BodyReader = new BodyReader(this.scanner);
  protected readonly held: HeldBytes = new HeldBytes();
  protected abstract phase: Phase | CommonPhase;
  readonly #dataHandler: BodyDataHandler;
  #paused = false;
  #reading = false;

  constructor(dataHandler: BodyDataHandler) {
    this.#dataHandler = dataHandler;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /**
   * Stops body data until resume(). The handler may call it. A message whose last byte was already
   * delivered still ends.
   */
  pause(): void {
    this.#paused = true;
  }

  /** Reads the held bytes. Throws as push() does. */
  resume(): void {
    this.#paused = false;
    this.readHeld();
  }

  /** The handler is not called again, and further bytes are ignored. Idempotent. */
  stop(): void {
    this.phase = 'failed';
    this.held.clear();
  }

  /** Whether bytes must wait even though nothing is paused. */
  protected abstract get mustHold(): boolean;
  /** Reads one part of the message from `from`. Returns the index where it stopped. */
  protected abstract step(chunk: Buffer, from: number): number;
  /** A body was read to its end. `more`: bytes follow. */
  protected abstract bodyEnded(trailers: RawHeaders, more: boolean): void;

  protected get failed(): boolean {
    return this.phase === 'failed';
  }

  /** Within a call of the handler. */
  protected get reading(): boolean {
    return this.#reading;
  }

  protected startMessage(): void {
    this.#paused = false;
  }

  /** Reads the bytes, or holds them. */
  protected take(chunk: Buffer): void {
    if (this.#paused || this.#reading || this.mustHold) {
      this.held.push(chunk);
      return;
    }
    this.#run(chunk);
    if (this.held.length > 0) this.readHeld();
  }

  protected readHeld(): void {
    while (this.held.length > 0 && !this.#paused && !this.#reading && !this.mustHold) this.#run(this.held.shift());
  }

  protected readBody(chunk: Buffer, from: number): number {
    const { body } = this;
    const at = body.read(chunk, from);
    const data = body.dataIn(chunk);
    if (data !== undefined) this.#dataHandler.data(data);
    if (body.complete && !this.failed) this.bodyEnded(body.trailers, at < chunk.length);
    return at;
  }

  /** Called after each run over bytes: all of them were read, or the rest is held. */
  protected ran(): void {
    // Only readers that look ahead need it.
  }

  #run(chunk: Buffer): void {
    this.#reading = true;
    try {
      this.#read(chunk);
    } catch (error) {
      this.stop();
      throw error;
    } finally {
      this.#reading = false;
      this.ran();
    }
  }

  #read(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.mustHold || (this.#paused && this.phase !== 'failed' && this.phase !== 'done')) {
        this.held.unshift(chunk.subarray(at));
        return;
      }
      at = this.step(chunk, at);
    }
  }
}
