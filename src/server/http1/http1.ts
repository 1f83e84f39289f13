// HTTP/1.1 and HTTP/1.0 on accepted connections: configures Node's parser and its limits, and
// passes Node's events to the connection that they belong to.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { ignore } from '../../kernel/ignore.ts';
import { ClientRequest } from '../client-request.ts';
import { Http1Connection } from './connection.ts';
import type { Peer } from '../listen/peer.ts';
import type { RetiringProtocol, ServerHost } from '../server-host.ts';
import { isWorthUpgrading, responseFor } from './upgrade.ts';
import { createServer } from '../../kernel/net/node-http.ts';

/** Interval at which slow heads are detected. Node's default is 30 s. */
const connectionsCheckMs = 500;

const connectionKey = Symbol('http1 connection');
type OwnedSocket = Socket & { [connectionKey]?: Http1Connection };

export class Http1 implements RetiringProtocol {
  readonly #host: ServerHost;
  readonly #server: Server<typeof ClientRequest>;
  readonly #connections = new Set<Http1Connection>();
  /** Undefined: the gateway is not draining. */
  #lingerMs: number | undefined = undefined;

  constructor(host: ServerHost, maxHeaderBytes: number) {
    this.#host = host;
    this.#server = createServer({
      IncomingMessage: ClientRequest,
      // Node's default would end every upload after five minutes.
      requestTimeout: 0,
      connectionsCheckingInterval: connectionsCheckMs,
      keepAliveTimeoutBuffer: 0,
      maxHeaderSize: maxHeaderBytes,
      // Strict parsing of head and chunks by RFC 9112; test/e2e/request-framing.test.ts lists the
      // inputs that are rejected.
      insecureHTTPParser: false,
      // The head check verifies that there is exactly one Host.
      requireHostHeader: false,
      optimizeEmptyRequests: true,
      shouldUpgradeCallback: this.#mayUpgrade,
    });
    // By default Node silently drops headers beyond a certain number.
    this.#server.maxHeadersCount = 0;
    this.#server
      .on('request', this.#request)
      // The app decides about 100 (Continue), and the head check rejects other expectations.
      .on('checkContinue', this.#request)
      .on('checkExpectation', this.#request)
      .on('upgrade', this.#upgrade)
      .on('connect', this.#connect)
      .on('clientError', this.#fault as (error: Error, socket: Duplex) => void)
      // Idle for keepAliveTimeout. Without a listener Node destroys the socket, and with it a
      // request that has just arrived.
      .on('timeout', this.#idle);
    // Connections are injected (documented for the `connection` event), but Node only watches for
    // slow heads on a server that listens.
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
    // After a PROXY protocol header the socket is paused.
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
   * Declined while an earlier response is due, because the connection could not leave HTTP before
   * it; for HTTP/1.0 (RFC 9110 §7.8); and on a retired connection, which would never end.
   */
  readonly #mayUpgrade = (request: IncomingMessage): boolean => {
    if (request.httpVersionMinor !== 1 || !isWorthUpgrading(request)) return false;
    const connection = connectionOf(request.socket);
    return connection !== undefined && !connection.busy && !connection.retired;
  };

  readonly #upgrade = (request: ClientRequest, socket: Duplex, rest: Buffer): void => {
    if (socket instanceof Socket) {
      connectionOf(socket)?.request(request, responseFor(request, socket, rest), true);
    } else socket.destroy(); // Node's substitute for a socket within a body: never offered an upgrade
  };

  readonly #connect = (request: ClientRequest, socket: Duplex): void => {
    socket.on('error', ignore);
    const connection = connectionOf(request.socket);
    // Node has released the connection, so the end of a response that is due would go unnoticed.
    if (connection === undefined || connection.busy) {
      connection?.cut();
      socket.destroy();
    } else connection.refuse(new GatewayError('not_implemented', 'The gateway is not a forward proxy.'));
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
