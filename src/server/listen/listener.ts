// A listening port and the connections accepted on it: enforces the limits in total and for each
// client address, and determines the peer. The protocols are handled elsewhere.
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../kernel/clock.ts';
import { connectionRefused, type ConnectionRefused } from '../../kernel/events.ts';
import { type HostLookup, listenOnEvery } from '../../kernel/net/listening.ts';
import { addressGroup } from '../../kernel/net/address-group.ts';
import { canonicalIp } from '../../kernel/net/ip.ts';
import { ignore } from '../../kernel/ignore.ts';
import { addressSetSteps } from '../../policy/addresses.ts';
import { compiledInSteps } from '../../policy/compiled.ts';
import type { Policy } from '../../policy/policy.ts';
import { ConnectionCounts } from './connection-counts.ts';
import { directPeer, type Peer, proxiedPeer, unknownAddress } from './peer.ts';
import { takeProxyHeader } from './proxy-preface.ts';
import type { ProxySource } from './proxy-protocol.ts';
import type { ConnectionHandler } from '../server-host.ts';

export interface ListenerParts {
  /** An address, or a name, which stands for all of its addresses. */
  readonly host: string;
  /** The same on each address. 0: any free port. */
  readonly port: number;
  readonly lookup?: HostLookup | undefined;
  readonly policy: () => Policy;
  readonly clock: Clock;
  /** Every connection begins with a PROXY protocol header from a trusted proxy. */
  readonly proxyProtocol: boolean;
  readonly onConnection: ConnectionHandler;
}

/**
 * After this time the kernel probes silent connections, so that a peer that vanished without
 * closing is detected.
 */
const keepAliveDelayMs = 60_000;

/**
 * Bounds the wait for the backlog, so that clients that connect faster than the gateway accepts
 * cannot prevent it from closing.
 */
const maxBacklogMs = 1_000;

const trustedOf = compiledInSteps(({ trustedProxies }) => addressSetSteps(trustedProxies));

export class Listener {
  readonly #options: ListenerParts;
  /** One for each address. */
  #servers: readonly Server[] = [];
  readonly #open = new Set<Socket>();
  readonly #counts = new ConnectionCounts();
  #closed: Promise<unknown> = Promise.resolve();
  #acceptedCount = 0;
  #isCut = false;

  constructor(options: ListenerParts) {
    this.#options = options;
  }

  get connections(): number {
    return this.#open.size;
  }

  /** Throws Node's error (EADDRINUSE, EACCES) if the port is not available. */
  async listen(): Promise<AddressInfo> {
    const servers = await listenOnEvery(this.#options, () =>
      createServer(
        { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveDelayMs },
        this.#arrived,
      ),
    );
    this.#servers = servers;
    this.#closed = Promise.all(servers.map((server) => once(server, 'close')));
    // From now on errors concern single connections that could not be accepted. The listener goes
    // on.
    for (const server of servers) server.on('error', ignore); // handled where the errors occur
    return servers[0].address() as AddressInfo;
  }

  /** Accepts the connections in the backlog, then stops listening. Idempotent. */
  async shut(): Promise<void> {
    await this.#emptyBacklog();
    this.#stopListening();
  }

  /** Resolves when the listener and the last connection are closed. */
  async emptied(): Promise<void> {
    await this.#closed;
  }

  /** Stops listening and closes every connection at once. */
  cut(): void {
    this.#isCut = true;
    this.#stopListening();
    for (const socket of this.#open) socket.destroy();
  }

  #stopListening(): void {
    for (const server of this.#servers) if (server.listening) server.close();
  }

  /**
   * The kernel completes connections before they are accepted, and resets the waiting ones when the
   * listener closes. The event loop accepts at least one in each pass, so a pass without one means
   * that none was waiting when it polled.
   */
  async #emptyBacklog(): Promise<void> {
    const { clock } = this.#options;
    const untilMs = clock.monotonicMs() + maxBacklogMs;
    await setImmediate();
    let before: number;
    do {
      before = this.#acceptedCount;
      await setImmediate();
    } while (this.#acceptedCount !== before && !this.#isCut && clock.monotonicMs() < untilMs);
  }

  readonly #arrived = (socket: Socket): void => {
    this.#acceptedCount += 1;
    if (this.#isCut) {
      socket.destroy();
      return;
    }
    socket.on('error', ignore); // 'close' follows
    const { remoteAddress, remotePort = 0 } = socket;
    if (remoteAddress === undefined) {
      socket.destroy(); // gone already
      return;
    }
    const ip = canonicalIp(remoteAddress);
    const policy = this.#options.policy();
    if (this.#open.size >= policy.limits.maxConnections) {
      refuse(socket, { ip, reason: 'max_connections' });
      return;
    }
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    const peer = directPeer(ip, remotePort);
    if (!this.#options.proxyProtocol) this.#admit(socket, peer);
    else if (trustedOf(policy)(ip)) this.#askWhoItIs(socket, peer);
    else refuse(socket, { ip, reason: 'proxy_protocol' });
  };

  #askWhoItIs(socket: Socket, proxy: Peer): void {
    takeProxyHeader(socket, this.#options.policy().limits.readHeaderTimeoutMs, {
      arrived: (source) => {
        this.#admit(socket, peerOf(source, proxy));
      },
      failed: () => {
        refuse(socket, { ip: proxy.ip, reason: 'proxy_protocol' });
      },
    });
  }

  #admit(socket: Socket, peer: Peer): void {
    const { ip } = peer;
    const policy = this.#options.policy();
    // Many clients share the address of a proxy, even if another proxy's PROXY protocol header
    // names that address.
    if (!trustedOf(policy)(ip)) {
      const group = addressGroup(ip);
      if (!this.#counts.add(group, policy.limits.maxConnectionsPerIp)) {
        refuse(socket, { ip, reason: 'max_connections_per_ip' });
        return;
      }
      socket.once('close', () => {
        this.#counts.remove(group);
      });
    }
    this.#options.onConnection(socket, peer);
  }
}

function peerOf(source: ProxySource, proxy: Peer): Peer {
  switch (source.kind) {
    case 'proxy':
      return proxy;
    case 'client':
      return proxiedPeer(source.ip, source.port);
    case 'unknown':
      return proxiedPeer(unknownAddress, 0);
  }
}

function refuse(socket: Socket, refused: ConnectionRefused): void {
  socket.destroy();
  if (connectionRefused.hasSubscribers) connectionRefused.publish(refused);
}
