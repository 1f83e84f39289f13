// Owns the session's pings: their answers, the round-trip time and the verdict that the peer is half dead or dead. Knows no
// stream. Time comes from outside: the owner calls tick() when nextMs has come.
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
  /** Input came since the last look. */
  #heard = false;
  /** The opaque value starts at 0 and counts up, as in Go. */
  #nextId = 0;
  #rttMs: number | undefined;

  /** An infinite interval: only asked pings, and one that fails concerns the asker alone. */
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

  /** A ping is unanswered for more than half of its time. */
  suspect(nowMs: number): boolean {
    return this.#ping !== undefined && nowMs - this.#ping.sentAtMs > this.#timeoutMs / 2;
  }

  /** Any input. A flag and no clock: this is called for each chunk. */
  heard(): void {
    this.#heard = true;
  }

  /** Joins the ping that is under way, if there is one: one at a time is all that the peer ever sees of us. */
  ask(nowMs: number): Promise<number> {
    const ping = (this.#ping ??= this.#start(nowMs));
    return new Promise((resolve, reject) => ping.waiters.push({ resolve, reject }));
  }

  /** The round trip, where it is the answer that is awaited. */
  answered(id: number, nowMs: number): number | undefined {
    const ping = this.#ping;
    if (ping?.id !== id) return undefined;
    this.#ping = undefined;
    this.#rttMs = nowMs - ping.sentAtMs;
    this.#nextPingMs = nowMs + this.#intervalMs;
    for (const waiter of ping.waiters) waiter.resolve(this.#rttMs);
    return this.#rttMs;
  }

  /** Sends what is due. Returns the error that the session must end with, if any. */
  tick(nowMs: number): PortalError | undefined {
    const ping = this.#ping;
    if (ping === undefined) {
      if (nowMs >= this.#nextPingMs) this.#ping = this.#start(nowMs);
      return undefined;
    }
    if (nowMs < ping.dueAtMs) return undefined;
    if (this.#heard) {
      // A slow link: our ping waits behind our own upload, and the peer is at work. `suspect` says so meanwhile.
      this.#heard = false;
      ping.dueAtMs = nowMs + this.#timeoutMs;
      return undefined;
    }
    this.#ping = undefined;
    this.#nextPingMs = nowMs + this.#intervalMs;
    const error = new PortalError('keepalive_timeout', `no answer to a ping within ${this.#timeoutMs} ms`);
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
    this.#heard = false;
    this.#send(id);
    return { id, sentAtMs: nowMs, dueAtMs: nowMs + this.#timeoutMs, waiters: [] };
  }
}
