// Owns the connections to the local app: a keep-alive pool for requests, a connection of its own for what must not share.
// Knows nothing of tunnels.
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { requestFields, valuesOf, type Framing } from './header-fields.ts';
import { hostFor, type HostHeader } from './host-header.ts';
import type { Target } from './target.ts';

/** Shorter than the keep-alive of common app servers (uvicorn and Node 5 s), so that they hardly ever close one under a request. */
const idleConnectionMs = 2_000;
/** A local port answers at once or never; a target on another machine gets the time that TCP needs for two lost SYNs. */
const connectTimeoutMs = 10_000;
/** Bytes. Twice what the gateway lets through (gateway.max_header_bytes). */
export const maxHeaderBytes: number = 64 * 1024;

const emptyBodyIsSaid = new Set(['POST', 'PUT', 'PATCH']);

export interface LocalRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly string[];
  /** pooled: may reuse a connection; fresh: has one for itself, half-open allowed. */
  readonly connection: 'pooled' | 'fresh';
}

export class LocalServer {
  readonly target: Target;
  readonly #hostHeader: HostHeader;
  readonly #agent: http.Agent;
  readonly #servername: string;

  constructor(target: Target, hostHeader: HostHeader) {
    this.target = target;
    this.#hostHeader = hostHeader;
    this.#servername = net.isIP(target.hostname) === 0 ? target.hostname : '';
    const options = { keepAlive: true, scheduling: 'lifo', timeout: idleConnectionMs } as const;
    this.#agent = target.protocol === 'https:' ? new https.Agent(options) : new http.Agent(options);
  }

  /** What the app gets to see of the caller's header fields. */
  headersFor(method: string, received: readonly string[], framing: Framing): string[] {
    const headers = requestFields(received, framing === 'chunked' ? ['host'] : ['host', 'trailer']);
    headers.unshift('Host', hostFor(this.#hostHeader, this.target, valuesOf(received, 'host')[0]));
    // RFC 9110 §7.6.3: whoever passes a request on says so.
    headers.push('Via', '1.1 portal-expose');
    if (framing === 'chunked') headers.push('Transfer-Encoding', 'chunked');
    // Without it Node would announce an empty chunked body, which old apps take for a request with content.
    else if (framing === 'none' && emptyBodyIsSaid.has(method)) headers.push('Content-Length', '0');
    return headers;
  }

  /** Throws where Node refuses to send such a head. */
  open(request: LocalRequest): http.ClientRequest {
    const { target } = this;
    const options: https.RequestOptions = {
      protocol: target.protocol,
      host: target.hostname,
      port: target.port,
      servername: this.#servername,
      method: request.method,
      path: request.path,
      headers: request.headers,
      setHost: false,
      maxHeaderSize: maxHeaderBytes,
      ...(request.connection === 'pooled' ? { agent: this.#agent } : { createConnection: () => this.#connect() }),
    };
    const outgoing = (target.protocol === 'https:' ? https : http).request(options);
    boundConnecting(outgoing, target);
    return outgoing;
  }

  /** Closes what is idle; connections in use end with their requests. Idempotent. */
  close(): void {
    this.#agent.destroy();
  }

  #connect(): net.Socket {
    const options = { host: this.target.hostname, port: this.target.port, allowHalfOpen: true };
    return this.target.protocol === 'https:'
      ? tls.connect({ ...options, servername: this.#servername })
      : net.connect(options);
  }
}

function boundConnecting(outgoing: http.ClientRequest, target: Target): void {
  outgoing.once('socket', (socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(() => {
      outgoing.destroy(new Error(`${target.host} took no connection within ${connectTimeoutMs / 1000} s`));
    }, connectTimeoutMs);
    const settled = (): void => {
      clearTimeout(timer);
    };
    socket.once(target.protocol === 'https:' ? 'secureConnect' : 'connect', settled);
    socket.once('close', settled);
  });
}
