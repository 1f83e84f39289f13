// One connection to one Redis server (or Valkey), from connecting to closing. Runs scripts by their
// hash. Neither reconnects nor follows redirections.
import { createClient, ErrorReply, type RedisClientType } from '@redis/client';
import type { Clock } from '../../kernel/clock.ts';
import { ignore } from '../../kernel/ignore.ts';
import { commandFault, isLinkEnd, linkFault, type LinkPhase } from './redis-fault.ts';

/** A ping each second detects a peer that is gone without closing the connection. */
const pingIntervalMs = 1_000;
/** Commands in flight. More would only wait longer than their deadline. */
export const maxCommands = 10_000;

export interface LinkOptions {
  readonly clock: Clock;
  /** redis://, rediss:// or unix:///path. */
  readonly url: string;
  /** Certificates to trust for rediss:// instead of the system's, PEM. */
  readonly ca?: string | undefined;
  /** For connecting with TCP and TLS, and again for the Redis handshake. */
  readonly connectTimeoutMs: number;
  /** How long the server may owe a reply. */
  readonly silenceMs: number;
  /** Shown in errors: which server this is, when it is not the configured one. */
  readonly label?: string | undefined;
  /** Called once, unless end() or retire() was called before. */
  readonly ended: (link: RedisLink, reason: Error) => void;
}

export interface ScriptCall {
  readonly script: string;
  /** SHA-1 of the script. */
  readonly hash: string;
  readonly keys: readonly string[];
  readonly args: readonly string[];
}

export class RedisLink {
  readonly url: string;
  readonly openedMs: number;
  readonly #options: LinkOptions;
  readonly #client: RedisClientType;
  readonly #ready: PromiseWithResolvers<undefined> = Promise.withResolvers<undefined>();
  #state: LinkPhase | 'retired' | 'ended' = 'connecting';
  /** Set once the link has ended. */
  #reason: Error | undefined = undefined;
  #handshakeTimer: NodeJS.Timeout | undefined = undefined;
  #pendingCount = 0;
  #lastReplyMs = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.url = options.url;
    this.openedMs = options.clock.monotonicMs();
    this.#ready.promise.catch(ignore);
    this.#client = clientOf(options);
    this.#client.on('error', (error: unknown) => {
      // An error reply to a ping: the server is alive.
      if (this.#state === 'ready' && error instanceof ErrorReply) return;
      this.#fail(error);
    });
    this.#client.on('connect', () => {
      this.#connected();
    });
    this.#client.on('ready', () => {
      if (this.#state !== 'handshake') return;
      clearTimeout(this.#handshakeTimer);
      this.#state = 'ready';
      this.#ready.resolve(undefined);
    });
    this.#client.connect().catch((error: unknown) => {
      this.#fail(error);
    });
  }

  /** Resolves once commands are accepted. Rejects with the reason when connecting failed. */
  get ready(): Promise<undefined> {
    return this.#ready.promise;
  }

  get isReady(): boolean {
    return this.#state === 'ready';
  }

  /**
   * Rejects with ErrorReply for an error reply of the server, and with the reason when the link
   * ends. `asking`: after an ASK redirection.
   */
  async run({ script, hash, keys, args }: ScriptCall, asking: boolean): Promise<unknown> {
    this.#endIfSilent();
    if (this.#reason !== undefined) throw this.#reason;
    const parts = [String(keys.length), ...keys, ...args];
    this.#pendingCount += 1;
    try {
      const reply = await this.#send(asking, ['EVALSHA', hash, ...parts]).catch((error: unknown) => {
        if (!(error instanceof ErrorReply && error.message.startsWith('NOSCRIPT'))) throw error;
        return this.#send(asking, ['EVAL', script, ...parts]);
      });
      this.#lastReplyMs = this.#options.clock.monotonicMs();
      return reply;
    } catch (error) {
      if (error instanceof ErrorReply) {
        this.#lastReplyMs = this.#options.clock.monotonicMs();
        throw error;
      }
      throw this.#faultOf(error);
    } finally {
      this.#pendingCount -= 1;
    }
  }

  /** Closes the connection after the replies to all commands in flight. Idempotent. */
  retire(): void {
    if (this.#state !== 'ready') {
      this.end();
      return;
    }
    this.#state = 'retired';
    this.#client.close().catch(ignore);
  }

  /** Closes the connection now. Idempotent. */
  end(reason: Error = closed()): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#reason = reason;
    clearTimeout(this.#handshakeTimer);
    this.#ready.reject(reason);
    this.#client.destroy();
  }

  #connected(): void {
    // The client finishes connecting even after destroy().
    if (this.#state === 'ended') this.#client.destroy();
    if (this.#state !== 'connecting') return;
    this.#state = 'handshake';
    this.#handshakeTimer = setTimeout(() => {
      this.#endAndReport(new Error('it does not respond'));
    }, this.#options.connectTimeoutMs);
  }

  #fail(error: unknown): void {
    if (this.#state === 'ended') return;
    if (this.#state === 'retired') this.end();
    else this.#endAndReport(linkFault(error, this.#state, this.url.startsWith('rediss:')));
  }

  #endAndReport(fault: Error): void {
    const { label, ended } = this.#options;
    const reason = label === undefined ? fault : new Error(`${label}: ${fault.message}`, { cause: fault });
    this.end(reason);
    ended(this, reason);
  }

  #faultOf(error: unknown): Error {
    return this.#reason ?? (isLinkEnd(error) ? closed() : commandFault(error));
  }

  /** The client's own socket timeout restarts with every write: under traffic it never expires. */
  #endIfSilent(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const isSilent = this.#pendingCount > 0 && nowMs - this.#lastReplyMs > this.#options.silenceMs;
    if (this.#pendingCount === 0) this.#lastReplyMs = nowMs;
    if (isSilent && this.#state === 'ready') this.#endAndReport(new Error('it does not respond'));
  }

  /** ASKING applies to the next command on the connection, so both are queued in the same turn. */
  #send(asking: boolean, command: readonly string[]): Promise<unknown> {
    if (asking) this.#client.sendCommand(['ASKING']).catch(ignore);
    return this.#client.sendCommand(command);
  }
}

function clientOf({ url, ca, connectTimeoutMs, silenceMs }: LinkOptions): RedisClientType {
  const socket = { connectTimeout: connectTimeoutMs, socketTimeout: silenceMs, reconnectStrategy: false as const };
  const options = {
    disableOfflineQueue: true,
    commandsQueueMaxLength: 2 * maxCommands,
    pingInterval: pingIntervalMs,
    // On by default: the client would follow a server's MOVING to any host, with the password and
    // past the limits of this link, and a failed move would be an unhandled rejection, which ends
    // the process.
    maintNotifications: 'disabled' as const,
  };
  if (url.startsWith('unix://')) {
    return createClient({ ...options, socket: { ...socket, path: url.slice('unix://'.length) } });
  }
  if (!url.startsWith('rediss:')) return createClient({ ...options, url, socket });
  const secure = { ...socket, tls: true as const, ...(ca !== undefined && { ca }) };
  return createClient({ ...options, url, socket: secure });
}

function closed(): Error {
  return new Error('the connection was closed');
}
