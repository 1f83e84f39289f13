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

/** State that the connections to one target share. */
export interface LocalTarget {
  readonly target: Target;
  /** Of the last connection: resuming it shortens the handshake. */
  tlsSession: Buffer | undefined;
  /** Where `localhost` accepted the last connection: saves a lookup and a failed attempt, half the cost of a connection. */
  loopbackAddress: string | undefined;
}

export class LocalDial implements Expiring {
  readonly #local: LocalTarget;
  #socket: net.Socket;
  readonly #deadlines: Deadlines;
  readonly #deadline: Deadline;
  readonly #observer: LocalDialObserver;
  #settled = false;

  constructor(local: LocalTarget, deadlines: Deadlines, observer: LocalDialObserver) {
    this.#local = local;
    this.#observer = observer;
    this.#deadlines = deadlines;
    this.#deadline = new Deadline(this);
    deadlines.arm(this.#deadline, connectTimeoutMs);
    this.#socket = this.#open(local.loopbackAddress);
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

  #open(loopbackAddress: string | undefined): net.Socket {
    const { target } = this.#local;
    const socket = open(this.#local, loopbackAddress ?? target.hostname);
    // A socket may fail again after it was abandoned.
    socket.on('error', (error) => {
      if (socket !== this.#socket) return;
      if (loopbackAddress === undefined || this.#settled) this.#failed(error);
      else {
        // The app may have moved to the other family of addresses.
        this.#local.loopbackAddress = undefined;
        this.#socket = this.#open(undefined);
      }
    });
    const closed = (): void => {
      if (socket === this.#socket) this.#failed(new Error('the connection was closed at once'));
    };
    socket.once('close', closed);
    socket.once(target.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
      socket.off('close', closed);
      if (!this.#settle()) return;
      if (target.hostname === 'localhost') this.#local.loopbackAddress = socket.remoteAddress;
      this.#observer.connected(new StreamPipe(socket));
    });
    return socket;
  }

  #failed(error: Error): void {
    if (this.#settle()) this.#observer.failed(connectFault(error));
  }

  /** False: it was settled before. */
  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#deadlines.disarm(this.#deadline);
    return true;
  }
}

function open(local: LocalTarget, host: string): net.Socket {
  const { protocol, hostname, port } = local.target;
  const options = { host, port, allowHalfOpen: true, noDelay: true };
  if (protocol === 'http:') return net.connect(options);
  const socket = tls.connect({
    ...options,
    servername: net.isIP(hostname) === 0 ? hostname : '',
    ALPNProtocols: ['http/1.1'],
    ...(local.tlsSession !== undefined && { session: local.tlsSession }),
  });
  socket.on('session', (session: Buffer) => {
    local.tlsSession = session;
  });
  return socket;
}
