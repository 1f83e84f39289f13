// One attempt to open a connection to the app, over TCP or TLS, within a time limit. Speaks no HTTP.
import net from 'node:net';
import tls from 'node:tls';
import { StreamPipe } from '../http-client/stream-pipe.ts';
import type { BytePipe } from '../kernel/byte-pipe.ts';
import { Deadline, type Deadlines, type Expiring } from '../kernel/deadlines.ts';
import { type AppFault, connectFault, connectTimeoutFault, connectTimeoutMs } from './app-fault.ts';
import type { Target } from './target.ts';

/** Exactly one of the two is called, never within the constructor, and neither after abort(). */
export interface LocalDialObserver {
  connected(pipe: BytePipe): void;
  failed(fault: AppFault): void;
}

/** Shared by all connections to one target: the TLS session is resumed, which shortens later handshakes. */
export interface LocalTarget {
  readonly target: Target;
  tlsSession: Buffer | undefined;
}

export class LocalDial implements Expiring {
  readonly #socket: net.Socket;
  readonly #deadlines: Deadlines;
  readonly #deadline: Deadline;
  readonly #observer: LocalDialObserver;
  #settled = false;

  constructor(local: LocalTarget, deadlines: Deadlines, observer: LocalDialObserver) {
    this.#observer = observer;
    this.#deadlines = deadlines;
    this.#deadline = new Deadline(this);
    deadlines.arm(this.#deadline, connectTimeoutMs);
    this.#socket = open(local);
    // A socket may fail again after it was abandoned.
    this.#socket.on('error', (error) => {
      if (this.#settle()) observer.failed(connectFault(error));
    });
    this.#socket.once('close', this.#closed);
    this.#socket.once(local.target.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
      this.#socket.off('close', this.#closed);
      if (this.#settle()) observer.connected(new StreamPipe(this.#socket));
    });
  }

  /** Abandons the attempt; the observer is not called. Idempotent. */
  abort(): void {
    if (this.#settle()) this.#socket.destroy();
  }

  expired(): void {
    if (!this.#settle()) return;
    this.#socket.destroy();
    this.#observer.failed(connectTimeoutFault());
  }

  /** False: it was settled before. */
  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#deadlines.disarm(this.#deadline);
    return true;
  }

  readonly #closed = (): void => {
    if (this.#settle()) this.#observer.failed(connectFault(new Error('the connection was closed at once')));
  };
}

function open(local: LocalTarget): net.Socket {
  const { protocol, hostname: host, port } = local.target;
  const options = { host, port, allowHalfOpen: true, noDelay: true };
  if (protocol === 'http:') return net.connect(options);
  const socket = tls.connect({
    ...options,
    servername: net.isIP(host) === 0 ? host : '',
    ALPNProtocols: ['http/1.1'],
    ...(local.tlsSession !== undefined && { session: local.tlsSession }),
  });
  socket.on('session', (session: Buffer) => {
    local.tlsSession = session;
  });
  return socket;
}
