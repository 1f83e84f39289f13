// HTTP/2 on accepted connections, after TLS and ALPN.
import type * as Http2Module from 'node:http2';
import type { Socket } from 'node:net';
import process from 'node:process';
import type { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { Http2Connection } from './connection.ts';
import type { Peer } from '../listen/peer.ts';
import type { RetiringProtocol, ServerHost } from '../server-host.ts';

export class Http2 implements RetiringProtocol {
  readonly #host: ServerHost;
  /** Loaded only with TLS: 10 MiB. */
  readonly #http2: typeof Http2Module = process.getBuiltinModule('node:http2');
  readonly #connections = new Map<Socket, Http2Connection>();
  /** Undefined: the gateway is not draining. */
  #lingerMs: number | undefined = undefined;

  constructor(host: ServerHost) {
    this.#host = host;
  }

  readonly accept = (socket: Socket, peer: Peer): void => {
    const connection = new Http2Connection(socket, peer, this.#host, this.#http2);
    this.#connections.set(socket, connection);
    socket.once('close', () => this.#connections.delete(socket));
    if (this.#lingerMs !== undefined) connection.drain(this.#lingerMs);
  };

  drain(lingerMs: number): void {
    this.#lingerMs = lingerMs;
    for (const connection of this.#connections.values()) connection.drain(lingerMs);
  }

  retire(socket: Socket): void {
    this.#connections.get(socket)?.retire();
  }

  abandon(reason: GatewayError): void {
    for (const connection of this.#connections.values()) connection.abandon(reason);
  }

  close(): void {
    // everything here ends with its connection
  }
}
