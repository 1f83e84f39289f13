// The connection to Redis (or Valkey) for shared limits: no queue while it is away, unlimited
// reconnects, and in a cluster the node that has the keys. All of our keys have one hash tag, so
// there is one such node. Works without buckets and quotas.
import { createHash } from 'node:crypto';
import { ErrorReply } from '@redis/client';
import type { Clock } from '../../kernel/clock.ts';
import { ignore } from '../../kernel/ignore.ts';
import { commandFault } from './redis-fault.ts';
import type { ScriptRunner } from './redis-limiter.ts';
import { maxCommands, RedisLink, type ScriptCall } from './redis-link.ts';
import { type Redirect, redirectOf } from './redis-redirect.ts';

/**
 * Between two attempts to connect. A limit should be shared again within 2 s of the store's return.
 */
const minReconnectMs = 50;
const maxReconnectMs = 500;
const defaultConnectTimeoutMs = 2_000;
const defaultSilenceMs = 5_000;
/** Per command. A stable cluster needs one, a moving slot two. */
const maxRedirects = 5;
/** A connection unused by ASK for this long is closed: the slot has moved, or stopped moving. */
const askIdleMs = 10_000;

/** Address of Redis, and the certificates to trust. */
export interface RedisPlace {
  /** redis://, rediss:// or unix:///path. */
  readonly url: string;
  /** Certificates to trust for rediss:// instead of the system's, PEM. */
  readonly ca?: string | undefined;
}

export interface RedisConnection extends ScriptRunner {
  /** Idempotent. */
  close(): void;
}

export interface RedisEvents {
  /** Commands are accepted: called after connecting, and after each reconnect. */
  readonly connected?: () => void;
  /** The connection was lost, or an attempt to connect failed. The message is for the operator. */
  readonly failed: (error: Error) => void;
  /**
   * How long a connection may owe a reply, and the minimum time to keep one that accepts no writes.
   */
  readonly silenceMs?: number;
  /** For connecting, and again for the handshake. Default 2 s. */
  readonly connectTimeoutMs?: number;
}

/**
 * Connects in the background. Commands wait for the first attempt to connect, which takes at most 4
 * s; while the server is away they are rejected at once with the reason.
 */
export function connectRedis(place: RedisPlace, clock: Clock, events: RedisEvents): RedisConnection {
  return new Connection(place, clock, events);
}

class Connection implements RedisConnection {
  readonly #place: RedisPlace;
  readonly #clock: Clock;
  readonly #events: RedisEvents;
  readonly #silenceMs: number;
  /** The connection in use. Between two attempts to connect: the one that failed. */
  #current: RedisLink;
  /** Replaces #current once it is ready; until then #current is used. */
  #successor: RedisLink | undefined = undefined;
  /** Connection to the node that a slot is moving to. */
  #askLink: RedisLink | undefined = undefined;
  #askTimer: NodeJS.Timeout | undefined = undefined;
  /**
   * Why commands are rejected. Undefined: they are accepted, or the first attempt to connect is in
   * progress.
   */
  #reason: Error | undefined = undefined;
  /** Consecutive failed attempts to connect. */
  #failedAttempts = 0;
  #timer: NodeJS.Timeout | undefined = undefined;
  readonly #hashes = new Map<string, string>();
  #commandCount = 0;
  #isClosed = false;

  constructor(place: RedisPlace, clock: Clock, events: RedisEvents) {
    this.#place = place;
    this.#clock = clock;
    this.#events = events;
    this.#silenceMs = events.silenceMs ?? defaultSilenceMs;
    this.#current = this.#connect(true);
  }

  async run(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    if (this.#commandCount >= maxCommands) throw new Error('too many commands are waiting for a reply');
    this.#commandCount += 1;
    try {
      return await this.#route({ script, hash: this.#hashOf(script), keys, args });
    } catch (error) {
      if (error instanceof ErrorReply && /\bREADONLY\b/.test(error.message)) this.#replaceReadOnly();
      throw commandFault(error);
    } finally {
      this.#commandCount -= 1;
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#askTimer);
    for (const link of [this.#current, this.#successor, this.#askLink]) link?.end();
  }

  async #route(call: ScriptCall): Promise<unknown> {
    if (this.#reason !== undefined) throw this.#reason;
    let link = this.#current;
    let asking = false;
    for (let redirects = 0; ; redirects += 1) {
      if (!link.isReady) await link.ready;
      try {
        return await link.run(call, asking);
      } catch (error) {
        const redirect = redirects < maxRedirects && !this.#isClosed ? redirectOf(error, link.url) : undefined;
        if (redirect === undefined) throw error;
        asking = redirect.kind === 'ASK';
        link = asking ? this.#ask(redirect) : this.#follow(redirect);
      }
    }
  }

  /** Redis identifies scripts by SHA-1: no security depends on it. */
  #hashOf(script: string): string {
    let hash = this.#hashes.get(script);
    if (hash === undefined) {
      hash = createHash('sha1').update(script).digest('hex');
      this.#hashes.set(script, hash);
    }
    return hash;
  }

  /** Connects to the configured server. `announce`: call `connected` for it. */
  #connect(announce: boolean): RedisLink {
    const link = this.#open(this.#place.url);
    link.ready.then(() => {
      if (link !== this.#current) return;
      this.#reason = undefined;
      this.#failedAttempts = 0;
      if (announce) this.#events.connected?.();
    }, ignore);
    return link;
  }

  #open(url: string, label?: string): RedisLink {
    return new RedisLink({
      clock: this.#clock,
      ...{ url, label, ca: this.#place.ca, silenceMs: this.#silenceMs },
      connectTimeoutMs: this.#events.connectTimeoutMs ?? defaultConnectTimeoutMs,
      ended: (link, reason) => {
        this.#ended(link, reason);
      },
    });
  }

  #ended(link: RedisLink, reason: Error): void {
    if (link === this.#successor) this.#successor = undefined;
    if (link === this.#askLink) this.#askLink = undefined;
    if (link !== this.#current || this.#isClosed) return;
    this.#reason = reason;
    // A cluster node was lost: ask the configured node where the keys are now. That node was there
    // all the time, so do not report a recovery.
    const isNode = link.url !== this.#place.url;
    const afterMs = isNode ? 0 : Math.min(maxReconnectMs, minReconnectMs * 2 ** this.#failedAttempts);
    this.#failedAttempts = Math.min(10, this.#failedAttempts + 1);
    this.#timer = setTimeout(() => {
      this.#current = this.#connect(!isNode);
    }, afterMs);
    this.#events.failed(reason);
  }

  /** Commands that need this node wait for it; the others continue on the connection in use. */
  #follow({ url, node }: Redirect): RedisLink {
    if (this.#current.url === url && this.#current.isReady) return this.#current;
    if (this.#successor?.url === url) return this.#successor;
    let link = this.#askLink;
    if (link?.url === url) this.#askLink = undefined;
    else link = this.#open(url, labelOf(node));
    this.#succeed(link);
    return link;
  }

  #ask({ url, node }: Redirect): RedisLink {
    if (this.#askLink?.url !== url) {
      this.#askLink?.retire();
      this.#askLink = this.#open(url, labelOf(node));
    }
    this.#askTimer ??= setTimeout(() => {
      this.#askLink?.retire();
      this.#askLink = undefined;
    }, askIdleMs).unref();
    this.#askTimer.refresh();
    return this.#askLink;
  }

  #succeed(link: RedisLink): void {
    this.#successor?.end();
    this.#successor = link;
    link.ready.then(() => {
      if (link !== this.#successor) return;
      this.#successor = undefined;
      if (this.#isClosed) return;
      const former = this.#current;
      this.#current = link;
      this.#reason = undefined;
      clearTimeout(this.#timer);
      // Commands in progress still get their replies, for example that their keys have moved.
      former.retire();
    }, ignore);
  }

  /**
   * A server that has become read-only may have failed over, so its name may now point to the new
   * primary: reconnect. Reaching the same server again does not count as recovery.
   */
  #replaceReadOnly(): void {
    const isYoung = this.#clock.monotonicMs() - this.#current.openedMs <= this.#silenceMs;
    if (this.#isClosed || this.#successor !== undefined || !this.#current.isReady || isYoung) return;
    this.#succeed(this.#open(this.#current.url));
  }
}

function labelOf(node: string): string {
  return `the cluster node ${node}`;
}
