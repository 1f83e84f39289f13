// The HTTP server of the relay: websocket upgrades, a landing page, a health check and connection
// limits. Does not interpret websocket data.
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { addressGroup } from '../kernel/net/address-group.ts';
import type { Clock } from '../kernel/clock.ts';
import { listenOnEvery, type ListenOptions } from '../kernel/net/listening.ts';
import { ignore } from '../kernel/ignore.ts';
import { acceptCarrier, websocketOptions } from '../portal/websocket/websocket-carrier.ts';
import type { RelayLog } from './relay-event.ts';
import type { RelayLimits } from './relay-limits.ts';
import { HeldMemory, type MemoryAccount, type MemoryLedger } from './memory-ledger.ts';
import { MeteredCarrier } from './metered-carrier.ts';
import { createServer } from '../kernel/net/node-http.ts';

export interface DoorHandler {
  /** A websocket was opened from the address of this account. */
  entered(carrier: MeteredCarrier, account: MemoryAccount): void;
  health(): { readonly status: 'ok' | 'draining'; readonly [count: string]: number | string };
}

type DoorLimits = Pick<RelayLimits, 'connections' | 'connectionsPerAddress' | 'messageBytes' | 'upgradeTimeoutMs'>;

const relayPath = '/relay'; // the path of every v1 relay
/** Extra sockets for short requests, including those answered 503. */
const spareSockets = 256;
/** Extra sockets of one address above its limit, for requests answered 429. */
const spareSocketsPerAddress = 16;
/** Memory of a socket and its parser before the upgrade. */
const socketBytes = 16_384;
const statusTexts: Readonly<Record<number, string>> = {
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
};

export class HttpDoor {
  /** One server for each address. */
  #servers: readonly Server[] = [];
  readonly #websockets: WebSocketServer;
  readonly #limits: DoorLimits;
  readonly #handler: DoorHandler;
  readonly #log: RelayLog;
  readonly #clock: Clock;
  readonly #memory: MemoryLedger;
  /** Sockets per address, upgraded or not. */
  readonly #byAddress = new Map<string, number>();
  /** Addresses with rejected sockets since they were last below the limit: each is logged once. */
  readonly #refused = new Set<string>();
  /** Sockets of all servers, including websockets. */
  #sockets = 0;
  #connections = 0;
  #isOpen = true;

  /** `clock`: for the Date of responses, which peers compare with their clocks. */
  constructor(limits: DoorLimits, memory: MemoryLedger, handler: DoorHandler, log: RelayLog, clock: Clock) {
    this.#clock = clock;
    this.#limits = limits;
    this.#memory = memory;
    this.#handler = handler;
    this.#log = log;
    this.#websockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: limits.messageBytes,
      ...websocketOptions,
    });
    this.#websockets.on('headers', (headers) => headers.push(`Date: ${this.#date()}`));
  }

  /**
   * Listens on every address of the host; returns the first. Rejects with the system's error:
   * EADDRINUSE, EACCES, …
   */
  async listen(options: ListenOptions): Promise<AddressInfo> {
    const servers = await listenOnEvery(options, () => this.#createServer());
    for (const server of servers) server.on('error', ignore);
    this.#servers = servers;
    return servers[0].address() as AddressInfo;
  }

  /** From now on upgrades are answered 503. */
  shut(): void {
    this.#isOpen = false;
  }

  /** Resolves when the port is free. The owner must close open websockets. */
  async close(): Promise<void> {
    this.shut();
    const closed = this.#servers.map(async (server) => {
      const ended = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await ended;
    });
    this.#servers = [];
    await Promise.all(closed);
  }

  #createServer(): Server {
    const { upgradeTimeoutMs } = this.#limits;
    const server = createServer({
      headersTimeout: upgradeTimeoutMs,
      requestTimeout: upgradeTimeoutMs,
      connectionsCheckingInterval: Math.min(1_000, upgradeTimeoutMs),
      keepAliveTimeout: upgradeTimeoutMs,
    });
    server.on('connection', (socket) => {
      this.#accept(socket);
    });
    server.on('request', (request, response) => {
      this.#respond(request, response);
    });
    server.on('upgrade', (request, socket, head) => {
      this.#upgrade(request, socket, head);
    });
    return server;
  }

  #respond(request: IncomingMessage, response: ServerResponse): void {
    const path = pathOf(request);
    response.setHeader('date', this.#date());
    if (path === '/health') {
      const health = this.#handler.health();
      json(response, health.status === 'ok' ? 200 : 503, health);
    } else if (path === relayPath) {
      response.setHeader('upgrade', 'websocket');
      json(response, 426, { error: 'this is a Portal relay: open a websocket here' });
    } else if (path === '/') json(response, 200, { service: 'Portal relay', protocol: 'v1', websocket: relayPath });
    else json(response, 404, { error: 'nothing is served at this path' });
  }

  /** IMF-fixdate (RFC 9110 §5.6.7). */
  #date(): string {
    return new Date(this.#clock.wallMs()).toUTCString();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const address = addressOf(request.socket);
    const status = this.#refusalOf(request, address);
    if (status !== undefined || !(socket instanceof Socket)) {
      this.#log({ event: 'connection_refused', remote: address, status: status ?? 503 });
      refuse(socket, status ?? 503);
      return;
    }
    this.#websockets.handleUpgrade(request, socket, head, (ws) => {
      this.#connections += 1;
      const account = this.#memory.enter(address);
      const memory = new HeldMemory(this.#memory, account);
      const carrier = new MeteredCarrier(acceptCarrier(ws, socket), socket, memory);
      // Released with the socket, not with the session: a websocket that lingers in its close still
      // holds memory.
      ws.once('close', () => {
        this.#connections -= 1;
        memory.release();
        this.#memory.leave(account);
      });
      this.#handler.entered(carrier, account);
    });
  }

  #refusalOf(request: IncomingMessage, address: string): number | undefined {
    if (pathOf(request) !== relayPath) return 404;
    // Only browsers send it. CORS does not cover WebSockets, so every page that the user of this
    // machine visits could otherwise dial its apps. By DNS rebinding also one with the same Host.
    if (request.headers.origin !== undefined) return 403;
    if (!this.#isOpen || this.#connections >= this.#limits.connections) return 503;
    // The count includes the requesting socket.
    return (this.#byAddress.get(address) ?? 0) > this.#limits.connectionsPerAddress ? 429 : undefined;
  }

  /** Counts the socket for its address until it closes, or rejects it. */
  #accept(socket: Socket): void {
    if (this.#sockets >= this.#limits.connections + spareSockets) {
      socket.destroy();
      return;
    }
    const address = addressOf(socket);
    const count = (this.#byAddress.get(address) ?? 0) + 1;
    const account = this.#memory.enter(address);
    const memory = new HeldMemory(this.#memory, account);
    if (count > this.#limits.connectionsPerAddress + spareSocketsPerAddress || !memory.hold(socketBytes)) {
      this.#memory.leave(account);
      if (!this.#refused.has(address)) this.#log({ event: 'connection_refused', remote: address, status: 429 });
      this.#refused.add(address);
      socket.destroy();
      return;
    }
    this.#byAddress.set(address, count);
    this.#sockets += 1;
    socket.once('close', () => {
      this.#sockets -= 1;
      memory.release();
      this.#memory.leave(account);
      this.#left(address);
    });
  }

  #left(address: string): void {
    const count = (this.#byAddress.get(address) ?? 0) - 1;
    if (count <= 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, count);
    if (count < this.#limits.connectionsPerAddress) this.#refused.delete(address);
  }
}

/** For the error of a connection that could not be accepted: the server continues. */
function addressOf(socket: Socket): string {
  return addressGroup(socket.remoteAddress ?? 'unknown');
}

function pathOf(request: IncomingMessage): string {
  const target = request.url ?? '';
  const query = target.indexOf('?');
  return query === -1 ? target : target.slice(0, query);
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}

function refuse(socket: Duplex, status: number): void {
  socket.on('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${statusTexts[status] ?? ''}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () =>
    socket.destroy(),
  );
}
