// Owns the connection to Redis (or Valkey) as the shared limits use it: no queue while it is away, scripts by their hash, reconnecting
// for ever. Knows no bucket.
import { createHash } from 'node:crypto';
import { createClient, ErrorReply, type RedisClientType } from '@redis/client';
import { systemClock } from '../kernel/clock.ts';
import type { ScriptRunner } from './redis-limiter.ts';
import { StoreReplyError } from './store-reply.ts';

/** Between two attempts to connect, at most: a limit should be shared again within 2 s of the store's return. */
const longestReconnectMs = 500;
const connectTimeoutMs = 2_000;
/** A connection whose other end is gone without a word is given up: something goes over it each second, and nothing came for five. */
const pingIntervalMs = 1_000;
const defaultSilenceMs = 5_000;
/** Commands on their way. More would only wait longer than their deadline. */
const mostCommands = 10_000;

export interface RedisConnection extends ScriptRunner {
  /** Idempotent. */
  close(): void;
}

export interface RedisEvents {
  /** Commands are taken: after connecting, and after each reconnecting. */
  readonly connected?: () => void;
  /** It was lost, or an attempt to connect failed. */
  readonly failed: (error: Error) => void;
  /** How long a connection may owe an answer, and for how long at least one that takes no writes is kept. */
  readonly silenceMs?: number;
}

/** `url`: redis://, rediss:// or unix:///path. Connects in the background; until then every command is refused at once. */
export function connectRedis(url: string, events: RedisEvents): RedisConnection {
  return new Connection(url, events);
}

class Connection implements RedisConnection {
  readonly #url: string;
  readonly #events: RedisEvents;
  readonly #silenceMs: number;
  #client: RedisClientType;
  /** Settles when the client is there, or given up. */
  #arrival: Promise<unknown> = Promise.resolve();
  #openedMs = 0;
  /** The node of a cluster that has our keys: all have one hash tag, so there is one. Undefined: what the URL leads to. */
  #node: string | undefined = undefined;
  readonly #hashes = new Map<string, string>();
  #closed = false;
  #unanswered = 0;
  #heardMs = 0;

  constructor(url: string, events: RedisEvents) {
    this.#url = url;
    this.#events = events;
    this.#silenceMs = events.silenceMs ?? defaultSilenceMs;
    this.#client = this.#open(true);
  }

  async run(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    let hash = this.#hashes.get(script);
    if (hash === undefined) {
      // The name that Redis gives a script is its SHA-1: no security hangs on it.
      hash = createHash('sha1').update(script).digest('hex');
      this.#hashes.set(script, hash);
    }
    const parts = { keys: [...keys], arguments: [...args] };
    const ask = async (): Promise<unknown> => {
      const client = this.#client;
      return client.evalSha(hash, parts).catch((error: unknown) => {
        if (!isReply(error, 'NOSCRIPT')) throw error;
        return client.eval(script, parts);
      });
    };
    this.#giveUpSilent();
    this.#unanswered += 1;
    try {
      const answer = await ask().catch(async (error: unknown) => {
        if (!isReply(error, 'MOVED')) throw error;
        await this.#follow(error.message);
        return ask();
      });
      this.#heardMs = systemClock.monotonicMs();
      return answer;
    } catch (error) {
      if (error instanceof ErrorReply) this.#heardMs = systemClock.monotonicMs();
      if (error instanceof ErrorReply && /\bREADONLY\b/.test(error.message)) this.#giveUpReadOnly();
      throw withoutQuotation(error);
    } finally {
      this.#unanswered -= 1;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#client.destroy();
  }

  /** `word`: whether it is told that it is there. */
  #open(word: boolean): RedisClientType {
    const url = this.#node ?? this.#url;
    const socket = {
      connectTimeout: connectTimeoutMs,
      socketTimeout: this.#silenceMs,
      reconnectStrategy: (retries: number): number => Math.min(longestReconnectMs, 50 * 2 ** Math.min(retries, 10)),
    };
    const options = {
      disableOfflineQueue: true,
      commandsQueueMaxLength: mostCommands,
      pingInterval: pingIntervalMs,
    };
    const opened = (
      url.startsWith('unix://')
        ? createClient({ ...options, socket: { ...socket, path: url.slice('unix://'.length) } })
        : createClient({ ...options, url, socket })
    ) as RedisClientType;
    opened.on('error', (error: Error) => {
      if (opened !== this.#client) return;
      this.#events.failed(withoutQuotation(error));
      // Another node may have the keys by now: the one that is configured knows.
      if (this.#node !== undefined && !this.#closed) this.#replace(undefined, false).destroy();
    });
    let tells = word;
    opened.on('ready', () => {
      if (tells) this.#events.connected?.();
      tells = true;
    });
    // Failures to connect come as 'error' events, and it goes on by itself.
    this.#arrival = opened.connect().catch(() => undefined);
    this.#openedMs = systemClock.monotonicMs();
    return opened;
  }

  /** Answers the client before, which is to be ended. */
  #replace(node: string | undefined, word: boolean): RedisClientType {
    const former = this.#client;
    this.#node = node;
    this.#client = this.#open(word);
    return former;
  }

  /** https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#moved-redirection */
  async #follow(moved: string): Promise<void> {
    const node = nodeOf(moved, this.#node ?? this.#url);
    if (node !== undefined && node !== this.#node && !this.#closed) {
      // What is under way gets its answer, that it has moved.
      this.#replace(node, false)
        .close()
        .catch(() => undefined);
    }
    await this.#arrival;
  }

  /** The client's own time limit begins anew with whatever is written: while there is traffic it never comes. */
  #giveUpSilent(): void {
    const nowMs = systemClock.monotonicMs();
    const isSilent = this.#unanswered > 0 && nowMs - this.#heardMs > this.#silenceMs;
    if (this.#unanswered === 0 || isSilent) this.#heardMs = nowMs;
    if (this.#closed || !isSilent) return;
    this.#replace(undefined, true).destroy();
    this.#events.failed(new Error('it does not answer'));
  }

  /** What takes no writes any more may have handed over to another under its name. It may be the same again: that is no return. */
  #giveUpReadOnly(): void {
    if (this.#closed || systemClock.monotonicMs() - this.#openedMs <= this.#silenceMs) return;
    this.#replace(this.#node, false).destroy();
  }
}

/** `MOVED slot host:port`, whose host may be empty: the one that says so. By the same scheme, user and password. Undefined: it is none. */
function nodeOf(moved: string, from: string): string | undefined {
  const [, host = '', port = ''] = /^MOVED \d+ (.*):(\d+)$/.exec(moved) ?? [];
  if (port === '' || !URL.canParse(from)) return undefined;
  const url = new URL(from.startsWith('unix://') ? 'redis://127.0.0.1' : from);
  if (host !== '' && host !== '?') url.hostname = host.includes(':') ? `[${host}]` : host;
  url.port = port;
  return url.href;
}

function isReply(error: unknown, code: string): error is ErrorReply {
  return error instanceof ErrorReply && error.message.startsWith(code);
}

/** What Redis answers may quote what it was sent, the password among it: the code is told (WRONGPASS, NOAUTH, OOM), and no more. */
function withoutQuotation(error: unknown): Error {
  if (!(error instanceof ErrorReply)) return error instanceof Error ? error : new Error('it failed');
  const code = /^[A-Z]{2,20}(?![^ ])/.exec(error.message)?.[0] ?? 'an error';
  return new StoreReplyError(code);
}
