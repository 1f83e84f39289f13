// One attempt to open a connection to the app, over TCP or TLS, within a time limit. `localhost` is
// tried on both families of addresses. Speaks no HTTP.
import net from 'node:net';
import tls from 'node:tls';
import { StreamPipe } from '../../http-client/stream-pipe.ts';
import { serverNameOf } from '../../kernel/net/ip.ts';
import { Deadline, type Deadlines, type Expiring } from '../../kernel/work/deadlines.ts';
import { type AppFault, connectFault, connectTimeoutFault, connectTimeoutMs } from './app-fault.ts';
import type { Target } from './target.ts';

/** Exactly one of the two is called, never within the constructor, and neither after abort(). */
export interface LocalDialObserver {
  connected(pipe: StreamPipe): void;
  failed(fault: AppFault): void;
}

/** State that the connections to one target share. */
export interface LocalTarget {
  readonly target: Target;
  /** The TLS session of the last connection; resuming it shortens the handshake. */
  tlsSession: Buffer | undefined;
  /** Where `localhost` accepted the last connection; trying it first saves a failed attempt. */
  loopbackAddress: string | undefined;
}

/**
 * Addresses where an app on `localhost` may listen. The resolver is not used: on many machines it
 * returns only one of the two, and development servers often listen only on the other.
 * RFC 6761 §6.3: localhost is always a loopback address.
 */
const loopbackAddresses = ['127.0.0.1', '::1'] as const;

export class LocalDial implements Expiring {
  readonly #local: LocalTarget;
  /** Addresses not tried yet, in order. */
  readonly #addresses: string[];
  #socket: net.Socket;
  /** The error of the address that was tried first, which is that of the last connection. */
  #error: Error | undefined;
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
    const [first, ...others] = addressesOf(local);
    this.#addresses = others;
    this.#socket = this.#open(first);
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

  #open(address: string): net.Socket {
    const { target } = this.#local;
    const socket = open(this.#local, address);
    let isReached = false;
    socket.once('connect', () => {
      isReached = true;
    });
    // A socket may emit another error after it was abandoned.
    socket.on('error', (error) => {
      if (socket === this.#socket) this.#refused(error, isReached);
    });
    const closed = (): void => {
      if (socket === this.#socket) this.#failed(new Error('the connection was closed at once'));
    };
    socket.once('close', closed);
    socket.once(target.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
      socket.off('close', closed);
      if (!this.#settle()) return;
      if (target.hostname === 'localhost') this.#local.loopbackAddress = address;
      this.#observer.connected(new StreamPipe(socket));
    });
    return socket;
  }

  /** `isReached`: a server listens at the address, but the TLS handshake failed. */
  #refused(error: Error, isReached: boolean): void {
    const next = isReached || this.#settled ? undefined : this.#addresses.shift();
    if (next === undefined) {
      this.#failed(isReached ? error : (this.#error ?? error));
      return;
    }
    this.#error ??= error;
    this.#socket = this.#open(next);
  }

  #failed(error: Error): void {
    if (this.#settle()) this.#observer.failed(connectFault(error));
  }

  /** Returns false if the attempt was settled before. */
  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#deadlines.disarm(this.#deadline);
    return true;
  }
}

function addressesOf({ target, loopbackAddress }: LocalTarget): readonly [string, ...string[]] {
  if (target.hostname !== 'localhost') return [target.hostname];
  if (loopbackAddress === undefined) return loopbackAddresses;
  return [loopbackAddress, ...loopbackAddresses.filter((address) => address !== loopbackAddress)];
}

function open(local: LocalTarget, host: string): net.Socket {
  const { protocol, hostname, port } = local.target;
  const options = { host, port, allowHalfOpen: true, noDelay: true };
  if (protocol === 'http:') return net.connect(options);
  const socket = tls.connect({
    ...options,
    servername: serverNameOf(hostname),
    ALPNProtocols: ['http/1.1'],
    ...(local.tlsSession !== undefined && { session: local.tlsSession }),
  });
  socket.on('session', (session: Buffer) => {
    local.tlsSession = session;
  });
  return socket;
}
