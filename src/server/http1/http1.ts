// Owns HTTP/1.1 and HTTP/1.0 on connections that others accepted: Node's parser and its limits, and the way from Node's events to
// the connection that they belong to. Decides nothing about a request.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { ClientRequest } from '../client-request.ts';
import { Http1Connection } from './connection.ts';
import type { Peer } from '../listen/peer.ts';
import type { RetiringProtocol, ServerHost } from '../server-host.ts';
import { isWorthUpgrading, responseFor } from './upgrade.ts';

/** How late a slow head is noticed. Node's default is 30 s. */
const connectionsCheckMs = 500;

const connectionKey = Symbol('http1 connection');
type OwnedSocket = Socket & { [connectionKey]?: Http1Connection };

export class Http1 implements RetiringProtocol {
  readonly #host: ServerHost;
  readonly #server: Server<typeof ClientRequest>;
  readonly #connections = new Set<Http1Connection>();
  /** Undefined: the gateway does not drain. */
  #lingerMs: number | undefined = undefined;

  constructor(host: ServerHost, maxHeaderBytes: number) {
    this.#host = host;
    this.#server = createServer({
      IncomingMessage: ClientRequest,
      // Node's default ends every upload after five minutes.
      requestTimeout: 0,
      connectionsCheckingInterval: connectionsCheckMs,
      keepAliveTimeoutBuffer: 0,
      maxHeaderSize: maxHeaderBytes,
      // Head and chunks by the letter of RFC 9112; see test/e2e/request-framing.test.ts for what that refuses.
      insecureHTTPParser: false,
      // Whether there is one, and only one, is checked with the rest of the head.
      requireHostHeader: false,
      optimizeEmptyRequests: true,
      shouldUpgradeCallback: this.#mayUpgrade,
    });
    // By default Node drops what exceeds a number of headers, silently.
    this.#server.maxHeadersCount = 0;
    this.#server
      .on('request', this.#request)
      // Whether to continue is the app's to say, and what else is expected the head check's to refuse.
      .on('checkContinue', this.#request)
      .on('checkExpectation', this.#request)
      .on('upgrade', this.#upgrade)
      .on('connect', this.#connect)
      .on('clientError', this.#fault as (error: Error, socket: Duplex) => void)
      // Idle for keepAliveTimeout. Without a listener Node destroys the socket, and a request that has just arrived with it.
      .on('timeout', this.#idle);
    // Connections are injected (`connection` is documented for it), and only a server that listens watches for slow heads.
    this.#server.emit('listening');
  }

  readonly accept = (socket: Socket, peer: Peer): void => {
    const { readHeaderTimeoutMs, idleTimeoutMs } = this.#host.policy().limits;
    this.#server.headersTimeout = readHeaderTimeoutMs;
    this.#server.keepAliveTimeout = idleTimeoutMs;
    const connection = new Http1Connection(socket, peer, this.#host);
    (socket as OwnedSocket)[connectionKey] = connection;
    this.#connections.add(connection);
    socket.once('close', () => {
      this.#connections.delete(connection);
      connection.closed();
    });
    this.#server.emit('connection', socket);
    // Behind a PROXY protocol header.
    if (socket.isPaused()) socket.resume();
    if (this.#lingerMs !== undefined) connection.drain(this.#lingerMs);
  };

  drain(lingerMs: number): void {
    this.#lingerMs = lingerMs;
    for (const connection of this.#connections) connection.drain(lingerMs);
  }

  retire(socket: Socket): void {
    connectionOf(socket)?.retire();
  }

  abandon(reason: GatewayError): void {
    for (const connection of this.#connections) connection.abandon(reason);
  }

  close(): void {
    this.#server.close();
  }

  readonly #request = (request: ClientRequest, response: ServerResponse): void => {
    connectionOf(request.socket)?.request(request, response, false);
  };

  /**
   * Declined while an earlier answer is due: the connection could not leave HTTP before that. And by RFC 9110 §7.8 in HTTP/1.0. And on a retired
   * connection, which would never end.
   */
  readonly #mayUpgrade = (request: IncomingMessage): boolean => {
    if (request.httpVersionMinor !== 1 || !isWorthUpgrading(request)) return false;
    const connection = connectionOf(request.socket);
    return connection !== undefined && !connection.busy && !connection.retired;
  };

  readonly #upgrade = (request: ClientRequest, socket: Duplex, rest: Buffer): void => {
    if (socket instanceof Socket) {
      connectionOf(socket)?.request(request, responseFor(request, socket, rest), true);
    } else socket.destroy(); // Node's stand-in for a socket within a body: those are not offered an upgrade
  };

  readonly #connect = (request: ClientRequest, socket: Duplex): void => {
    socket.on('error', ignore);
    const connection = connectionOf(request.socket);
    // Node has let go of the connection: nobody would hear when an answer that is due meets its end.
    if (connection === undefined || connection.busy) {
      connection?.cut();
      socket.destroy();
    } else connection.refuse(new GatewayError('not_implemented', 'The gateway is no forward proxy.'));
  };

  readonly #idle = (socket: Socket): void => {
    const connection = connectionOf(socket);
    if (connection === undefined) socket.destroy();
    else this.#host.lastLook.add(connection);
  };

  readonly #fault = (error: Error, socket: Socket): void => {
    const connection = connectionOf(socket);
    if (connection === undefined) socket.destroy();
    else connection.fault(error);
  };
}

function connectionOf(socket: Socket): Http1Connection | undefined {
  return (socket as OwnedSocket)[connectionKey];
}

function ignore(): void {
  // 'close' follows
}
