// A listening port with its protocols, and its graceful shutdown: first the listener closes, then
// idle connections end, then the others with their next response.
import { setTimeout as startTimer } from 'node:timers';
import { setTimeout } from 'node:timers/promises';
import { ignore } from '../../kernel/ignore.ts';
import type { Listener } from './listener.ts';
import { drainingError } from '../../pipeline/draining-error.ts';
import type { ConnectionProtocol } from '../server-host.ts';

export interface EndOptions {
  /** How long the listener stays open. */
  readonly delayMs: number;
  /** How long after `delayMs` the remaining connections are closed. */
  readonly graceMs: number;
  /** How long idle connections stay open. */
  readonly lingerMs: number;
  /** Called before anything is cut. */
  readonly graceOver?: () => void;
}

interface Parts {
  readonly listener: Listener;
  readonly protocols: readonly ConnectionProtocol[];
}

/**
 * For this time before the listener closes, responses do not announce the end of their connection:
 * a client that reads the announcement reconnects at once, and a connection made at the moment of
 * the close is reset.
 */
const calmMs = 250;

export class ListenerSet {
  readonly listener: Listener;
  readonly #protocols: readonly ConnectionProtocol[];
  readonly #cut = new AbortController();
  #sendsAway = false;

  /** `sendsAway`: whether connections end with their next response. */
  constructor(build: (sendsAway: () => boolean) => Parts) {
    const { listener: listener, protocols } = build(() => this.#sendsAway);
    this.listener = listener;
    this.#protocols = protocols;
  }

  /** Resolves when the last connection has ended. Called once. */
  async end({ delayMs, graceMs, lingerMs, graceOver = ignore }: EndOptions): Promise<void> {
    if (delayMs > calmMs) {
      this.#sendsAway = true;
      await this.#wait(delayMs - calmMs);
      this.#sendsAway = false;
    }
    await this.#wait(Math.min(delayMs, calmMs));
    const timer = startTimer(() => {
      graceOver();
      this.cut();
    }, graceMs);
    await this.listener.shut();
    this.#sendsAway = true;
    for (const protocol of this.#protocols) protocol.drain(lingerMs);
    await this.listener.emptied();
    clearTimeout(timer);
    for (const protocol of this.#protocols) protocol.close();
  }

  /**
   * Responds to requests in flight where that is still possible, and ends every connection.
   * Idempotent.
   */
  cut(): void {
    this.#cut.abort();
    for (const protocol of this.#protocols) protocol.abandon(drainingError());
    // HTTP/2 and TLS write within a turn of the event loop, not at once.
    setImmediate(() => {
      this.listener.cut();
    });
  }

  async #wait(ms: number): Promise<void> {
    if (ms > 0) await setTimeout(ms, undefined, { signal: this.#cut.signal }).catch(ignore);
  }
}
