// Owns what happens to a tunnel: HTTP is read from it as from any socket, and each request goes to the local app. Bounds how
// many there are and how long they idle. Knows nothing of leases and relays.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { offerableProtocols } from '../kernel/upgrade-protocols.ts';
import type { AssertionGate } from './assertion-gate.ts';
import { forward, type ExposeEvent } from './forward.ts';
import type { HostHeader } from './host-header.ts';
import { LocalServer, maxHeaderBytes } from './local-server.ts';
import { endSoon } from './linger.ts';
import type { Target } from './target.ts';
import { forwardUpgrade } from './upgrade.ts';

export interface BridgeOptions {
  readonly target: Target;
  readonly hostHeader?: HostHeader;
  readonly maxTunnels?: number;
  /** A tunnel without a request for so long is closed. */
  readonly idleTunnelMs?: number;
  readonly log?: (event: ExposeEvent) => void;
  /** Only requests that it lets pass reach the app. The caller's to close. */
  readonly gate?: AssertionGate | undefined;
}

const defaultMaxTunnels = 2_000;
/** Longer than the gateway keeps one (portal.pool.idle_timeout, 90 s): the side that sends requests should close first. */
const defaultIdleTunnelMs = 150_000;

/** Requests of one tunnel that wait for the one before: no known gateway sends any. More end the tunnel. */
const maxAhead = 16;

interface Guest {
  inFlight: number;
  /** Behind the request that is served. */
  readonly waiting: (() => void)[];
  upgraded: boolean;
  idle: NodeJS.Timeout;
}

export class Bridge {
  readonly #server: Server;
  readonly #local: LocalServer;
  readonly #guests = new Map<Duplex, Guest>();
  readonly #maxTunnels: number;
  readonly #idleTunnelMs: number;
  readonly #log: (event: ExposeEvent) => void;
  readonly #gate: AssertionGate | undefined;
  #draining = false;
  #wakeDrain: (() => void) | undefined;

  constructor(options: BridgeOptions) {
    this.#local = new LocalServer(options.target, options.hostHeader ?? { mode: 'target' });
    this.#maxTunnels = options.maxTunnels ?? defaultMaxTunnels;
    this.#idleTunnelMs = options.idleTunnelMs ?? defaultIdleTunnelMs;
    this.#log = options.log ?? (() => undefined);
    this.#gate = options.gate;
    this.#server = this.#createServer();
  }

  /** Takes a tunnel over, to its end. */
  accept(tunnel: Duplex): void {
    tunnel.on('error', () => undefined);
    if (this.#draining || this.#guests.size >= this.#maxTunnels) {
      if (!this.#draining) this.#log({ type: 'tunnel_refused', openTunnels: this.#guests.size });
      tunnel.destroy();
      return;
    }
    const idle = setTimeout(() => tunnel.destroy(), this.#idleTunnelMs);
    const guest: Guest = { inFlight: 0, waiting: [], upgraded: false, idle };
    this.#guests.set(tunnel, guest);
    tunnel.once('close', () => {
      clearTimeout(guest.idle);
      this.#guests.delete(tunnel);
      if (this.#guests.size === 0) this.#wakeDrain?.();
    });
    // A client never ends its direction before the response ended (portal-protocol §6), so this one was lost, and what the app
    // still sends would block for minutes. Upgraded connections half-close in their own right.
    tunnel.once('end', () => {
      if (guest.inFlight > 0 && !guest.upgraded) tunnel.destroy();
    });
    this.#server.emit('connection', tunnel);
  }

  /** Takes no new tunnels, lets requests in flight end within `graceMs`, cuts the rest. Idempotent. */
  async close(graceMs = 0): Promise<void> {
    this.#draining = true;
    for (const [tunnel, guest] of this.#guests) {
      if (guest.inFlight === 0 || graceMs === 0) tunnel.destroy();
    }
    if (this.#guests.size > 0) {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const timer = setTimeout(() => {
        for (const tunnel of this.#guests.keys()) tunnel.destroy();
      }, graceMs);
      this.#wakeDrain = () => {
        resolve(undefined);
      };
      await promise;
      clearTimeout(timer);
    }
    this.#local.close();
  }

  get openTunnels(): number {
    return this.#guests.size;
  }

  #createServer(): Server {
    const server = createServer({
      maxHeaderSize: maxHeaderBytes,
      // Bounded by the idle tunnel's time instead: these clocks only run on connections that a server accepted itself.
      requestTimeout: 0,
      headersTimeout: 0,
      keepAliveTimeout: 0,
      // Behind another request it would take the tunnel from under that one's response.
      shouldUpgradeCallback: (request) => canUpgrade(request) && this.#guests.get(request.socket)?.inFlight === 0,
    });
    const context = { local: this.#local, log: this.#log, gate: this.#gate };
    const serve = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void => {
      this.#inTurn(request, response, () => {
        forward(request, response, context, expectsContinue);
      });
    };
    server.on('request', (request, response) => {
      serve(request, response, false);
    });
    server.on('checkContinue', (request, response) => {
      serve(request, response, true);
    });
    server.on('upgrade', (request, tunnel, head) => {
      this.#track(request).upgraded = true;
      forwardUpgrade(request, tunnel, head, context);
    });
    server.on('clientError', (_error, tunnel) => {
      refuseGarbage(tunnel);
    });
    return server;
  }

  /** One request of a tunnel at a time: parsed are all that a client sends ahead, and the app would get all of them at once. */
  #inTurn(request: IncomingMessage, response: ServerResponse, serve: () => void): void {
    const tunnel: Duplex = request.socket;
    const guest = this.#track(request);
    if (guest.inFlight > 1 + maxAhead) {
      tunnel.destroy();
      return;
    }
    response.once('close', () => {
      this.#untrack(request);
      if (!tunnel.destroyed) guest.waiting.shift()?.();
    });
    if (guest.inFlight === 1) serve();
    else guest.waiting.push(serve);
  }

  #track(request: IncomingMessage): Guest {
    const guest = this.#guests.get(request.socket);
    if (guest === undefined) throw new Error('a request from a tunnel that was never accepted');
    guest.inFlight += 1;
    clearTimeout(guest.idle);
    return guest;
  }

  #untrack(request: IncomingMessage): void {
    const tunnel: Duplex = request.socket;
    const guest = this.#guests.get(tunnel);
    if (guest === undefined) return;
    guest.inFlight -= 1;
    if (guest.inFlight > 0) return;
    if (this.#draining) endSoon(tunnel);
    else guest.idle = setTimeout(() => tunnel.destroy(), this.#idleTunnelMs);
  }
}

/** A request with a body can't switch before the body ended. One that offers nothing but HTTP is served in HTTP/1.1. */
function canUpgrade(request: IncomingMessage): boolean {
  const { headers } = request;
  const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  return !hasBody && offerableProtocols(headers.upgrade ?? '').length > 0;
}

function refuseGarbage(tunnel: Duplex): void {
  if (!tunnel.writable) {
    tunnel.destroy();
    return;
  }
  const line = 'That was no HTTP/1.1 request.\n';
  tunnel.write(
    `HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${line.length}\r\n\r\n${line}`,
  );
  endSoon(tunnel);
}
