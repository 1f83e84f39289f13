// Owns one tunnel as an HTTP/1.1 connection: one undici Client over it, one request at a time, and what is known of its life.
// Knows no pool and no request.
import { Client, type Dispatcher } from 'undici';
import { Deadline, type Expiring } from '../kernel/deadlines.ts';
import type { GatewayError } from '../kernel/errors.ts';
import { AnswerGate, unasked } from './answer-gate.ts';
import { exchangeFault } from './faults.ts';
import type { Tunnel } from './transport.ts';

export interface ConnectionOwner {
  /** The answer is complete; the tunnel may still be closing with it: ask `dead`. */
  released(connection: Connection): void;
  /** The tunnel is closed, whoever closed it. Once. */
  lost(connection: Connection): void;
  idleExpired(connection: Connection): void;
}

export interface ConnectionRequest extends Dispatcher.DispatchOptions {
  /** For TLS, which is not spoken here; but undici would look for an address in every Host (0.5 us, bench/micro/sink.ts). */
  readonly servername: 'tunnel';
}

/** The authority is never dialled: a Client wants one, and every request brings its own Host. */
const origin = 'http://tunnel.invalid';
/** How long an app has to answer our end() before the tunnel is destroyed. */
const closeGraceMs = 5_000;
/** An app's response head: as much as we take from a client. */
const maxHeaderBytes = 64 * 1024;

export class Connection implements Expiring {
  readonly tunnel: Tunnel;
  /** The pool's: when it went idle, and until when it may be. */
  readonly idleDeadline: Deadline;
  idleSinceMs = 0;
  readonly #owner: ConnectionOwner;
  readonly #keepAliveMs: number;
  readonly #release: () => void;
  readonly #gate = new AnswerGate();
  #client: Client | undefined = undefined;
  #used = false;
  /** The app's FIN has arrived, although what came before it may still be unread. */
  #ended = false;

  constructor(tunnel: Tunnel, owner: ConnectionOwner, idleTimeoutMs: number) {
    this.tunnel = tunnel;
    this.#owner = owner;
    // The pool closes idle tunnels; undici would sooner only for an app that announces a shorter keep-alive.
    this.#keepAliveMs = idleTimeoutMs + 10_000;
    this.#release = () => {
      owner.released(this);
    };
    this.idleDeadline = new Deadline(this);
    // Reported by 'close', which always follows.
    tunnel.on('error', ignore);
    const lost = (): void => {
      owner.lost(this);
    };
    if (tunnel.closed) queueMicrotask(lost);
    else tunnel.once('close', lost);
    this.#guard();
  }

  /** True: never to be used again. */
  get dead(): boolean {
    const { tunnel } = this;
    return this.#ended || tunnel.destroyed || tunnel.readableEnded;
  }

  /** Whether it carried a request before: such a tunnel may turn out to have died unnoticed. */
  get used(): boolean {
    return this.#used;
  }

  /** Not a byte has come since awaitAnswer(). */
  get silent(): boolean {
    return this.#gate.silent;
  }

  /** The HTTP version of the last answer. */
  get answerVersion(): '1.0' | '1.1' {
    return this.#gate.version;
  }

  /** Before a request goes out: from now on the app may send. `maySwitch`: the request asks for another protocol. */
  awaitAnswer(maySwitch: boolean): void {
    this.#gate.await(maySwitch);
  }

  /** What an interim answer is in truth; once for each, in their order. */
  interimStatus(parsed: number): number {
    return this.#gate.interimStatus(parsed);
  }

  /** Always reports asynchronously: a handler may dispatch again from onResponseError(). */
  dispatch(options: ConnectionRequest, handler: Dispatcher.DispatchHandler): void {
    if (this.dead) {
      this.destroy();
      queueMicrotask(() => {
        handler.onResponseError?.(null as never, this.fault());
      });
      return;
    }
    this.#client ??= this.#connect();
    this.#client.dispatch(options, handler);
  }

  /** The answer is complete. undici decides right after it whether the tunnel goes on, hence not at once. */
  release(): void {
    this.#used = true;
    this.#gate.rest();
    queueMicrotask(this.#release);
  }

  /**
   * Why a request on this dead tunnel fails, as an error of our own. The tunnel's own error is only its cause: undici chooses what
   * to do by the `code` of an error, and connects again at once, without end, for those that it calls recoverable.
   */
  fault(): GatewayError {
    return exchangeFault(this.tunnel.errored ?? undefined, false);
  }

  /** At once: the app feels it as an abort. */
  destroy(): void {
    this.tunnel.destroy();
  }

  /** Orderly: FIN, and the end after the app's. */
  close(): void {
    const { tunnel } = this;
    if (tunnel.destroyed) return;
    tunnel.end();
    tunnel.resume();
    const timer = setTimeout(() => {
      tunnel.destroy();
    }, closeGraceMs);
    timer.unref();
    tunnel.once('close', () => {
      clearTimeout(timer);
    });
  }

  expired(): void {
    this.#owner.idleExpired(this);
  }

  /**
   * Everything that a tunnel receives goes through push(), whoever reads it then and how: the one place where a look at the bytes
   * costs no stream of its own.
   */
  #guard(): void {
    const { tunnel } = this;
    const gate = this.#gate;
    const push = tunnel.push.bind(tunnel);
    tunnel.push = (chunk: Buffer | null): boolean => {
      if (chunk === null) {
        this.#ended = true;
        const more = push(null);
        // Before its first request nobody reads a tunnel, so the end would go unnoticed. What close() ended ends by itself.
        if (gate.resting && !tunnel.writableEnded) tunnel.destroy();
        return more;
      }
      let admitted: Buffer;
      try {
        admitted = gate.admit(chunk);
      } catch (error) {
        tunnel.destroy(error as Error);
        return false;
      }
      return push(admitted);
    };
    // It talked before it was asked, in one breath with the end of the handshake.
    if (tunnel.readableLength > 0) tunnel.destroy(unasked());
  }

  #connect(): Client {
    let offered = false;
    return new Client(origin, {
      // Asynchronously: a synchronous callback hangs the request. Once: a Client whose tunnel died would ask for another.
      connect: (_options, callback) => {
        const first = !offered;
        offered = true;
        queueMicrotask(() => {
          if (first && !this.dead) callback(null, this.tunnel as never);
          else callback(this.fault(), null);
        });
      },
      pipelining: 1,
      allowH2: false,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: this.#keepAliveMs,
      keepAliveMaxTimeout: this.#keepAliveMs,
      maxHeaderSize: maxHeaderBytes,
    });
  }
}

function ignore(): void {
  // see the constructor
}
