// A Transport without a relay: a dial opens a TCP connection to a local app. For tests of the
// gateway itself, not of the tunnel.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { StreamPipe } from '../../src/http-client/stream-pipe.ts';
import { PortalError } from '../../src/portal/errors.ts';
import type { Lease, Transport, Tunnel } from '../../src/upstream/transport.ts';

export interface PlainApp {
  readonly name: string;
  readonly port: number;
  readonly id?: string;
  readonly alpn?: readonly string[];
}

type Dial = (signal: AbortSignal) => Promise<Tunnel>;

export class PlainTransport implements Transport {
  readonly relay = 'plain://test';
  /** The socket of every dialled tunnel, in order. */
  readonly tunnels: Socket[] = [];
  listed = 0;
  rttMs: number | undefined = undefined;
  current: 'up' | 'suspect' | 'draining' | 'down' = 'up';
  /** Replaces the TCP connection. */
  dialInstead: Dial | undefined = undefined;
  /** Delays lists until this promise settles. */
  listsAfter: Promise<unknown> | undefined = undefined;
  readonly #apps: PlainApp[];

  constructor(apps: readonly PlainApp[]) {
    this.#apps = [...apps];
  }

  publish(app: PlainApp): void {
    this.#apps.push(app);
  }

  unpublish(name: string): void {
    const at = this.#apps.findIndex((app) => app.name === name);
    if (at !== -1) this.#apps.splice(at, 1);
  }

  state(): 'up' | 'suspect' | 'draining' | 'down' {
    return this.current;
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  async list(): Promise<readonly Lease[]> {
    this.listed += 1;
    await this.listsAfter;
    return this.#apps.map((app) => ({
      id: idOf(app),
      name: app.name,
      alpn: app.alpn ?? ['http/1.1'],
      metadata: '',
      expiresAtMs: Date.now() + 30_000,
    }));
  }

  async dial(lease: Pick<Lease, 'id'>, { signal }: { readonly signal: AbortSignal }): Promise<Tunnel> {
    if (this.dialInstead !== undefined) return this.dialInstead(signal);
    const app = this.#apps.find((candidate) => idOf(candidate) === lease.id);
    if (app === undefined) throw new PortalError('lease_unknown', 'no such app');
    const socket = connect({ host: '127.0.0.1', port: app.port, noDelay: true, allowHalfOpen: true });
    try {
      await once(socket, 'connect', { signal });
    } catch (cause) {
      socket.on('error', () => undefined).destroy();
      throw new PortalError('lease_unknown', 'the app is gone', { cause });
    }
    this.tunnels.push(socket);
    return tunnelOver(socket);
  }

  close(): Promise<void> {
    for (const tunnel of this.tunnels) tunnel.destroy();
    return Promise.resolve();
  }
}

/** Wraps a stream as a tunnel; its errors become PortalErrors. */
export function tunnelOver(stream: Duplex): Tunnel {
  const errorOf = (error: Error): Error =>
    error instanceof PortalError ? error : new PortalError('stream_reset', error.message, { cause: error });
  return Object.assign(new StreamPipe(stream, { errorOf }), { peerId: null });
}

function idOf(app: PlainApp): string {
  return app.id ?? `${app.name.toUpperCase().replaceAll(/[^A-Z]/g, 'A')}${'A'.repeat(26)}`.slice(0, 26);
}
