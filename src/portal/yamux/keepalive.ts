// The session's pings: matches responses, measures the round trip and detects a slow or dead peer.
// Has no timer: the owner calls tick() at nextMs.
import { PortalError } from '../errors.ts';

export interface KeepaliveOptions {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

interface Ping {
  readonly id: number;
  readonly sentAtMs: number;
  dueAtMs: number;
  readonly waiters: { resolve: (rttMs: number) => void; reject: (error: PortalError) => void }[];
}

export class Keepalive {
  readonly #intervalMs: number;
  readonly #timeoutMs: number;
  readonly #send: (id: number) => void;
  #ping: Ping | undefined;
  #nextPingMs: number;
  /** Input arrived since the last tick. */
  #received = false;
  /** The opaque value counts up from 0, as in Go. */
  #nextId = 0;
  #rttMs: number | undefined;

  /**
   * An infinite interval disables periodic pings: only requested ones are sent, and a timeout only
   * rejects their promise.
   */
  constructor(options: KeepaliveOptions, nowMs: number, send: (id: number) => void) {
    this.#intervalMs = options.intervalMs;
    this.#timeoutMs = options.timeoutMs;
    this.#nextPingMs = nowMs + options.intervalMs;
    this.#send = send;
  }

  get rttMs(): number | undefined {
    return this.#rttMs;
  }

  get nextMs(): number {
    return this.#ping?.dueAtMs ?? this.#nextPingMs;
  }

  /** Whether a ping is unanswered for more than half of its timeout. */
  suspect(nowMs: number): boolean {
    return this.#ping !== undefined && nowMs - this.#ping.sentAtMs > this.#timeoutMs / 2;
  }

  /**
   * Records any input. Only sets a flag and reads no clock, because it is called for each chunk.
   */
  noteReceived(): void {
    this.#received = true;
  }

  /** Joins the pending ping, if there is one: at most one ping is in flight. */
  ask(nowMs: number): Promise<number> {
    const ping = (this.#ping ??= this.#start(nowMs));
    return new Promise((resolve, reject) => ping.waiters.push({ resolve, reject }));
  }

  /** Returns the round trip if this is the expected response. */
  pongReceived(id: number, nowMs: number): number | undefined {
    const ping = this.#ping;
    if (ping?.id !== id) return undefined;
    this.#ping = undefined;
    this.#rttMs = nowMs - ping.sentAtMs;
    this.#nextPingMs = nowMs + this.#intervalMs;
    for (const waiter of ping.waiters) waiter.resolve(this.#rttMs);
    return this.#rttMs;
  }

  /** Sends a ping if it is due. Returns the error that must end the session, if any. */
  tick(nowMs: number): PortalError | undefined {
    const ping = this.#ping;
    if (ping === undefined) {
      if (nowMs >= this.#nextPingMs) this.#ping = this.#start(nowMs);
      return undefined;
    }
    if (nowMs < ping.dueAtMs) return undefined;
    if (this.#received) {
      // A slow link: our ping waits behind our own upload, but the peer is active. `suspect` is
      // true during this time.
      this.#received = false;
      ping.dueAtMs = nowMs + this.#timeoutMs;
      return undefined;
    }
    this.#ping = undefined;
    this.#nextPingMs = nowMs + this.#intervalMs;
    const error = new PortalError('keepalive_timeout', `no response to a ping within ${this.#timeoutMs} ms`);
    for (const waiter of ping.waiters) waiter.reject(error);
    return this.#intervalMs === Infinity ? undefined : error;
  }

  close(error: PortalError): void {
    const waiters = this.#ping?.waiters ?? [];
    this.#ping = undefined;
    this.#nextPingMs = Infinity;
    for (const waiter of waiters) waiter.reject(error);
  }

  #start(nowMs: number): Ping {
    const id = this.#nextId;
    this.#nextId = (this.#nextId + 1) >>> 0;
    this.#received = false;
    this.#send(id);
    return { id, sentAtMs: nowMs, dueAtMs: nowMs + this.#timeoutMs, waiters: [] };
  }
}
