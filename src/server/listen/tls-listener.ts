// Performs the TLS handshake on accepted connections, then passes them to HTTP/2 or HTTP/1.1, as
// the client chooses (ALPN).
import type { Socket } from 'node:net';
import type { Server, TLSSocket } from 'node:tls';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { tlsHandshakeFailed, type TlsHandshakeFailed } from '../../kernel/events.ts';
import { atOnce, type Steps } from '../../kernel/work/slices.ts';
import type { CertificateStatus } from '../../kernel/http/status.ts';
import { ignore } from '../../kernel/ignore.ts';
import type { Policy } from '../../policy/policy.ts';
import type { LastLook } from './last-look.ts';
import { endIdle } from '../http1/close-gracefully.ts';
import type { Peer } from './peer.ts';
import { refuse } from '../http1/raw-response.ts';
import { RetiredConnections } from './retired-connections.ts';
import type { ConnectionProtocol, RetiringProtocol, ServerHost } from '../server-host.ts';
import { createTlsServer, expiries, type TlsSettings } from './server-certificates.ts';
import { isUndecided, refuseHttp2, spokenProtocol } from './wrong-protocol.ts';

/** The protocols that clients can choose. */
export interface TlsProtocols {
  readonly h2: RetiringProtocol;
  /** Also for clients without ALPN. */
  readonly http1: RetiringProtocol;
}

/** What the TLS listener needs from the server. */
type TlsHost = Pick<ServerHost, 'policy' | 'lastLook'>;

interface Handshake {
  readonly peer: Peer;
  /** Node's own timeout starts only with the first byte. */
  readonly timer: NodeJS.Timeout;
  /** Bytes received before OpenSSL reads. */
  first: Buffer;
}

export class TlsListener implements ConnectionProtocol {
  readonly #protocols: TlsProtocols;
  readonly #policy: () => Policy;
  readonly #lastLook: LastLook;
  /** Undefined: the gateway is not draining. */
  #lingerMs: number | undefined = undefined;
  /** The underlying connections in the handshake. */
  readonly #handshakes = new Map<Socket, Handshake>();
  #server: Server;
  #certificates: readonly CertificateStatus[];
  readonly #connections: RetiredConnections;

  /** Throws TlsSettingsError. */
  constructor(settings: TlsSettings, protocols: TlsProtocols, { policy, lastLook }: TlsHost) {
    this.#protocols = protocols;
    this.#policy = policy;
    this.#lastLook = lastLook;
    this.#connections = new RetiredConnections(demandsOf(settings));
    this.#server = atOnce(this.#serverFor(settings));
    this.#certificates = atOnce(expiries(settings));
  }

  /** The certificates in use. */
  get certificates(): readonly CertificateStatus[] {
    return this.#certificates;
  }

  /**
   * The returned function applies the settings to handshakes that begin from then on. Connections
   * whose handshake had other requirements end once their requests in flight are served. Throws
   * TlsSettingsError.
   */
  *prepare(settings: TlsSettings): Steps<() => void> {
    const server = yield* this.#serverFor(settings);
    const certificates = yield* expiries(settings);
    return () => {
      this.#server = server;
      this.#certificates = certificates;
      this.#connections.demand(demandsOf(settings));
    };
  }

  readonly accept = (socket: Socket, peer: Peer): void => {
    const { readHeaderTimeoutMs } = this.#policy().limits;
    const timer = setTimeout(this.#late, readHeaderTimeoutMs, socket).unref();
    const handshake: Handshake = { peer, timer, first: noBytes };
    this.#handshakes.set(socket, handshake);
    if (this.#lingerMs !== undefined) this.#linger(socket, this.#lingerMs);
    // Node itself reports most failures, after the close. This covers the others.
    socket.once('close', () => setImmediate(this.#failed, socket, clientClosed));
    // Inspected before OpenSSL reads them: it would end a plain HTTP connection without a response.
    const look = (bytes: Buffer): void => {
      handshake.first = handshake.first.length === 0 ? bytes : Buffer.concat([handshake.first, bytes]);
      if (isUndecided(handshake.first)) return;
      socket.off('data', look).off('end', ended).pause();
      const spoken = spokenProtocol(handshake.first);
      if (spoken === 'http' || spoken === 'http2') this.#refusePlain(socket, spoken);
      else if (this.#handshakes.has(socket)) {
        socket.unshift(handshake.first);
        // The TLS socket inherits this. A client that ends its side during the handshake can never
        // complete it.
        socket.allowHalfOpen = false;
        this.#server.emit('connection', socket);
      }
    };
    const ended = (): void => {
      if (handshake.first.length > 0) this.#refusePlain(socket, 'http');
      else socket.destroy();
    };
    socket.on('data', look).once('end', ended);
    // After a PROXY protocol header the socket is paused.
    if (socket.isPaused()) socket.resume();
  };

  /**
   * A client that sent the beginning of a plain request gets a response; one that was silent or
   * spoke TLS does not.
   */
  readonly #late = (socket: Socket): void => {
    if (spokenProtocol(this.#handshakes.get(socket)?.first ?? noBytes) === 'http') this.#refusePlain(socket, 'http');
    else this.#failed(socket, handshakeTimeout);
  };

  #refusePlain(socket: Socket, spoken: 'http' | 'http2'): void {
    const peer = this.#over(socket);
    if (peer === undefined) return;
    reportFailure(peer, plainHttp);
    if (spoken === 'http2') refuseHttp2(socket, peer);
    else refuse(socket, new GatewayError('invalid_request', 'This port speaks TLS: use https.'), peer, this.#policy());
  }

  /** The handshake is over, with or without success. Undefined: it was over before. */
  #over(below: Socket): Peer | undefined {
    const handshake = this.#handshakes.get(below);
    if (handshake === undefined) return undefined;
    clearTimeout(handshake.timer);
    this.#handshakes.delete(below);
    return handshake.peer;
  }

  /** Handshakes in progress may continue within their own time limit, and a request may follow. */
  drain(lingerMs: number): void {
    this.#lingerMs = lingerMs;
    for (const socket of this.#handshakes.keys()) this.#linger(socket, lingerMs);
    this.#protocols.h2.drain(lingerMs);
  }

  /** Closes the connection if no handshake has begun after `lingerMs`. */
  #linger(socket: Socket, lingerMs: number): void {
    const leave = (): void => {
      if (this.#handshakes.get(socket)?.first.length !== 0) return;
      this.#over(socket);
      endIdle(socket);
    };
    setTimeout(() => {
      this.#lastLook.add({ leave });
    }, lingerMs).unref();
  }

  abandon(reason: GatewayError): void {
    // The gateway ends these handshakes, so they are not reported as failures of the client.
    for (const socket of [...this.#handshakes.keys()]) this.#over(socket);
    this.#protocols.h2.abandon(reason);
  }

  close(): void {
    this.#protocols.h2.close();
  }

  *#serverFor(settings: TlsSettings): Steps<Server> {
    const { readHeaderTimeoutMs } = this.#policy().limits;
    const demands = demandsOf(settings);
    const server = yield* createTlsServer(settings, readHeaderTimeoutMs);
    return server
      .on('secureConnection', (socket: TLSSocket) => {
        this.#secured(socket, demands);
      })
      .on('tlsClientError', (error: Error, socket: TLSSocket) => {
        this.#failed(connectionBelow(socket), codeOf(error, socket));
      });
  }

  #secured(socket: TLSSocket, demands: string): void {
    const below = connectionBelow(socket);
    const peer = this.#over(below);
    if (peer === undefined) {
      socket.destroy();
      return;
    }
    // From now on a client may end its side and still read, as on the plain port.
    socket.allowHalfOpen = true;
    socket.on('error', ignore); // 'close' follows, and the protocol listens for it
    // With TLS 1.2 a client could repeat the expensive part of the handshake again and again.
    socket.disableRenegotiation();
    const { h2, http1 } = this.#protocols;
    const protocol = socket.alpnProtocol === 'h2' ? h2 : http1;
    protocol.accept(socket, { ...peer, encrypted: true });
    this.#connections.add(socket, protocol, demands);
  }

  /**
   * Reports each failed handshake once: Node's error event and the close of the connection both
   * lead here.
   */
  readonly #failed = (below: Socket, code: string): void => {
    const peer = this.#over(below);
    if (peer === undefined) return;
    below.destroy();
    reportFailure(peer, code);
  };
}

/** The requirements for the client beyond OpenSSL's own. */
function demandsOf({ minVersion, clientCa }: TlsSettings): string {
  return `${minVersion} ${clientCa?.ca ?? ''}`;
}

function reportFailure({ ip }: Peer, code: string): void {
  if (tlsHandshakeFailed.hasSubscribers) tlsHandshakeFailed.publish({ ip, code } satisfies TlsHandshakeFailed);
}

/**
 * The client closed or reset the connection during the handshake, as health checks of load
 * balancers do.
 */
const clientClosed = 'CLIENT_CLOSED';
const noBytes: Buffer = Buffer.alloc(0);
/** The names that Node and OpenSSL use. */
const handshakeTimeout = 'ERR_TLS_HANDSHAKE_TIMEOUT';
const plainHttp = 'ERR_SSL_HTTP_REQUEST';

/**
 * Node destroys a socket with a rejected client certificate, and reports it as if the client had
 * closed it.
 */
function codeOf(error: Error, socket: TLSSocket): string {
  // Node declares an Error but sets OpenSSL's code, such as DEPTH_ZERO_SELF_SIGNED_CERT.
  const refused = socket.authorizationError as unknown;
  if (typeof refused === 'string') return refused;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';
  return code === 'ECONNRESET' ? clientClosed : code;
}

/** Node reports only the TLS socket, and does not document how to get the underlying connection. */
function connectionBelow(socket: TLSSocket): Socket {
  return (socket as TLSSocket & { readonly _parent: Socket })._parent;
}
