// Owns the connection to Redis (or Valkey) as the shared limits use it: no queue while it is away, scripts by their hash, reconnecting
// for ever. Knows no bucket.
import { createHash } from 'node:crypto';
import { createClient, ErrorReply, type RedisClientType } from '@redis/client';
import { systemClock } from '../kernel/clock.ts';
import type { ScriptRunner } from './redis-limiter.ts';

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
export function connectRedis(
  url: string,
  { connected, failed, silenceMs = defaultSilenceMs }: RedisEvents,
): RedisConnection {
  const socket = {
    connectTimeout: connectTimeoutMs,
    socketTimeout: silenceMs,
    reconnectStrategy: (retries: number): number => Math.min(longestReconnectMs, 50 * 2 ** Math.min(retries, 10)),
  };
  const options = {
    disableOfflineQueue: true,
    commandsQueueMaxLength: mostCommands,
    pingInterval: pingIntervalMs,
  };
  /** `word`: whether it is told that it is there. */
  const open = (word: boolean): RedisClientType => {
    const opened = (
      url.startsWith('unix://')
        ? createClient({ ...options, socket: { ...socket, path: url.slice('unix://'.length) } })
        : createClient({ ...options, url, socket })
    ) as RedisClientType;
    opened.on('error', (error: Error) => {
      if (opened === client) failed(withoutQuotation(error));
    });
    let tells = word;
    opened.on('ready', () => {
      if (tells) connected?.();
      tells = true;
    });
    // Failures to connect come as 'error' events, and it goes on by itself.
    opened.connect().catch(() => undefined);
    return opened;
  };
  let client = open(true);
  let openedMs = systemClock.monotonicMs();
  const hashes = new Map<string, string>();
  let closed = false;
  let unanswered = 0;
  let heardMs = 0;

  /** The client's own time limit begins anew with whatever is written: while there is traffic it never comes. */
  function giveUpSilent(): void {
    const nowMs = systemClock.monotonicMs();
    const isSilent = unanswered > 0 && nowMs - heardMs > silenceMs;
    if (unanswered === 0 || isSilent) heardMs = nowMs;
    if (closed || !isSilent) return;
    renew(true);
    failed(new Error('it does not answer'));
  }

  function renew(word: boolean): void {
    const former = client;
    client = open(word);
    openedMs = systemClock.monotonicMs();
    former.destroy();
  }

  /** What takes no writes any more may have handed over to another under its name. It may be the same again: that is no return. */
  function giveUpReadOnly(): void {
    if (!closed && systemClock.monotonicMs() - openedMs > silenceMs) renew(false);
  }

  return {
    run: async (script, keys, args) => {
      let hash = hashes.get(script);
      if (hash === undefined) {
        // The name that Redis gives a script is its SHA-1: no security hangs on it.
        hash = createHash('sha1').update(script).digest('hex');
        hashes.set(script, hash);
      }
      const parts = { keys: [...keys], arguments: [...args] };
      giveUpSilent();
      unanswered += 1;
      try {
        const answer = await client.evalSha(hash, parts).catch((error: unknown) => {
          if (!(error instanceof ErrorReply) || !error.message.startsWith('NOSCRIPT')) throw error;
          return client.eval(script, parts);
        });
        heardMs = systemClock.monotonicMs();
        return answer;
      } catch (error) {
        if (error instanceof ErrorReply) heardMs = systemClock.monotonicMs();
        if (error instanceof ErrorReply && /\bREADONLY\b/.test(error.message)) giveUpReadOnly();
        throw withoutQuotation(error);
      } finally {
        unanswered -= 1;
      }
    },
    close: () => {
      if (closed) return;
      closed = true;
      client.destroy();
    },
  };
}

/** What Redis answers may quote what it was sent, the password among it: the code is told (WRONGPASS, NOAUTH, OOM), and no more. */
function withoutQuotation(error: unknown): Error {
  if (!(error instanceof ErrorReply)) return error instanceof Error ? error : new Error('it failed');
  const code = /^[A-Z]{2,20}(?![^ ])/.exec(error.message)?.[0] ?? 'an error';
  return new Error(`it answers ${code}`);
}
