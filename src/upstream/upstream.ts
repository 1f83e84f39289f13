// Sends requests to their lease over the best relay available. Holds the tunnel pools, one for each
// lease and relay connection.
import type { Clock } from '../kernel/clock.ts';
import { Deadlines } from '../kernel/work/deadlines.ts';
import { GatewayError } from '../kernel/errors/gateway-error.ts';
import { ignore } from '../kernel/ignore.ts';
import type { TunnelStatus } from '../kernel/http/status.ts';
import { methodsWithAnnouncedEmptyBody, type Sink } from '../kernel/http/http.ts';
import { Attempt } from './attempt.ts';
import { dial } from './observed-dial.ts';
import type { Lease, Transport } from './transport.ts';
import { TunnelPool, type PoolLimits } from './tunnel-pool.ts';
import type { UpstreamRequest } from './upstream-request.ts';

export interface UpstreamOptions {
  readonly clock: Clock;
  readonly limits: () => PoolLimits;
  /** The error while no relay at all is connected; undefined while one is. Default: not known. */
  readonly outage?: (() => GatewayError | undefined) | undefined;
}

export class Upstream {
  readonly #clock: Clock;
  readonly #limits: () => PoolLimits;
  readonly #outage: () => GatewayError | undefined;
  readonly #deadlines: Deadlines;
  readonly #pools = new Map<Transport, Map<string, TunnelPool>>();

  constructor(options: UpstreamOptions) {
    this.#clock = options.clock;
    this.#limits = options.limits;
    this.#outage = options.outage ?? ignore;
    this.#deadlines = new Deadlines(options.clock);
  }

  /** Calls exactly one terminal method of the sink. */
  send(request: UpstreamRequest, sink: Sink): void {
    const pool = this.#poolFor(request);
    if (pool === undefined) {
      const text = 'No relay that lists this lease is connected; try again shortly.';
      sink.fail(this.#outage() ?? new GatewayError('no_relay', text, { retryAfterSeconds: 1 }));
    } else new Attempt(request, sink, { pool, poolFor: this.#poolFor, deadlines: this.#deadlines }).start();
  }

  /**
   * Chooses the relay, and adds the fields of framing and connection. Undefined: no relay that
   * lists the lease is connected.
   */
  readonly #poolFor = (request: UpstreamRequest): TunnelPool | undefined => {
    const transport = pick(request.transports);
    if (transport === undefined) return undefined;
    request.attempt.relay = transport.relay;
    request.attempt.startedMs = this.#clock.monotonicMs();
    const { headers, offeredProtocols, body, method } = request;
    if (typeof body.lengthBytes === 'number') headers.push('Content-Length', String(body.lengthBytes));
    else if (body.lengthBytes === null) headers.push('Transfer-Encoding', 'chunked');
    else if (methodsWithAnnouncedEmptyBody.has(method)) headers.push('Content-Length', '0');
    // Not `close`, even for a tunnel that will not be reused: an app that responds before it has
    // read an upload would cut it off.
    if (offeredProtocols === '') headers.push('Connection', 'keep-alive');
    return this.#pool(transport, request.lease);
  };

  /** The tunnel counts of every lease that has tunnels. */
  *tunnels(): Iterable<TunnelStatus> {
    for (const [{ relay }, pools] of this.#pools) {
      for (const [leaseId, { idle, active }] of pools) yield { relay, leaseId, idle, active };
    }
  }

  /** Closes idle tunnels; those in use are closed after their request. Idempotent. */
  close(): void {
    for (const pools of this.#pools.values()) for (const pool of [...pools.values()]) pool.close();
  }

  #pool(transport: Transport, lease: Lease): TunnelPool {
    let pools = this.#pools.get(transport);
    if (pools === undefined) {
      pools = new Map();
      this.#pools.set(transport, pools);
    }
    const { id } = lease;
    let pool = pools.get(id);
    if (pool === undefined) {
      const ofTransport = pools;
      pool = new TunnelPool({
        dial: (signal) => dial(transport, id, signal, this.#clock),
        limits: this.#limits,
        clock: this.#clock,
        deadlines: this.#deadlines,
        emptied: () => ofTransport.delete(id),
      });
      pools.set(id, pool);
    }
    return pool;
  }
}

/**
 * Prefers a relay that answers keepalives (`up`) over a suspect one; a draining or disconnected
 * relay gets no new requests.
 */
function pick(transports: readonly Transport[]): Transport | undefined {
  let second: Transport | undefined;
  for (const transport of transports) {
    const state = transport.state();
    if (state === 'up') return transport;
    if (state === 'suspect') second ??= transport;
  }
  return second;
}
