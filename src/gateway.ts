// The composition root of the data plane, and the only file that names its concrete parts: listener, pipeline, directory, tunnels.
import type { AddressInfo } from 'node:net';
import { availableParallelism } from 'node:os';
import { BcryptPool } from './auth/bcrypt-pool.ts';
import { FailurePenalty } from './auth/failure-penalty.ts';
import { KeyVerifier } from './auth/key-verifier.ts';
import type { Limiter } from './guard/limiter.ts';
import { MemoryLimiter } from './guard/memory-limiter.ts';
import { systemClock, type Clock } from './kernel/clock.ts';
import { createPipeline } from './pipeline/order.ts';
import type { AuthenticateParts } from './pipeline/stages/authenticate.ts';
import type { Policy } from './policy/policy.ts';
import { LeaseDirectory } from './route/lease-directory.ts';
import { HttpServer, type ListenerOptions } from './server/http-server.ts';
import type { Lease, Transport } from './upstream/transport.ts';
import { type PoolLimits, poolLimitsOf } from './upstream/tunnel-pool.ts';
import { Upstream } from './upstream/upstream.ts';

export interface GatewayOptions extends ListenerOptions {
  readonly policy: Policy;
  /** One for each relay. The gateway's from now on: it closes them. */
  readonly transports: readonly Transport[];
  /** For each lease and relay connection, where they differ from the policy's. */
  readonly pool?: Partial<PoolLimits>;
  readonly clock?: Clock;
  /** Where rate limits are counted. Default: in this process. The caller's to close. */
  readonly limiter?: Limiter;
}

export interface Gateway {
  /** Throws Node's error (EADDRINUSE, EACCES) when the port can't be had. */
  listen(): Promise<AddressInfo>;
  /** Where the admin listener listens, if there is one. */
  adminAddress(): AddressInfo | undefined;
  /** Requests that begin from now on work by this policy; those in flight keep theirs. */
  apply(policy: Policy): void;
  /** Takes nothing new, lets what is in flight end, cuts the rest after the grace; then closes. Idempotent. */
  drain(graceMs?: number): Promise<void>;
  /** Cuts everything. Idempotent. */
  close(): Promise<void>;
}

/** A second or two of bcrypt: whoever waits longer had better come again. */
const mostWaitingForBcrypt = 64;

/** Contract: gateway.shutdown_grace. */
const defaultGraceMs = 30_000;

export function createGateway(options: GatewayOptions): Gateway {
  const { transports, pool, clock = systemClock, limiter = new MemoryLimiter({ clock }), ...listener } = options;
  let { policy } = options;
  const poolLimits = (): PoolLimits => ({ ...poolLimitsOf(policy), ...pool });
  let limits = poolLimits();
  const ttlMs = (): number => policy.directoryTtlMs;
  const directory = new LeaseDirectory<Lease, Transport>(transports, { clock, ttlMs });
  const upstream = new Upstream({ clock, limits: () => limits });
  const server = new HttpServer({
    ...listener,
    policy: () => policy,
    dispatch: createPipeline({ directory, upstream, limiter, auth: authParts(clock) }),
    connected: () => transports.some(isConnected),
    details: () => ({ relays: transports.map((transport) => ({ relay: transport.relay, state: transport.state() })) }),
  });

  async function release(): Promise<void> {
    upstream.close();
    await Promise.all(transports.map((transport) => transport.close()));
  }

  return {
    listen: () => server.listen(),
    adminAddress: () => server.adminAddress,
    apply: (next) => {
      policy = next;
      limits = poolLimits();
    },
    drain: async (graceMs = defaultGraceMs) => {
      await server.drain(graceMs);
      await release();
    },
    close: async () => {
      await server.close();
      await release();
    },
  };
}

/** bcrypt leaves a core to those who were let in before. */
function authParts(clock: Clock): AuthenticateParts {
  const concurrency = Math.max(1, availableParallelism() - 1);
  const hasher = new BcryptPool({ concurrency, maxWaiting: mostWaitingForBcrypt });
  return { verifier: new KeyVerifier({ hasher, clock }), penalty: new FailurePenalty(clock), clock };
}

function isConnected(transport: Transport): boolean {
  const state = transport.state();
  return state === 'up' || state === 'suspect';
}
