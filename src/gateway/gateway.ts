// Composes the data plane from its parts: listeners, pipeline, lease directory, tunnels. Reads no
// configuration and no files: run-gateway.ts does.
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { availableParallelism } from 'node:os';
import { AssertionSigner } from '../auth/assertion-signer.ts';
import type { BrowserSessions } from '../auth/browser-sessions.ts';
import { Authenticator, type AuthenticatorOptions } from '../auth/authenticator.ts';
import { bcryptConcurrency, BcryptPool } from '../auth/bcrypt/bcrypt-pool.ts';
import { BcryptThreads } from '../auth/bcrypt/bcrypt-threads.ts';
import { AuthThrottle } from '../auth/auth-throttle.ts';
import { KeyDigests } from '../auth/key-digests.ts';
import { KeyVerifier } from '../auth/key-verifier.ts';
import { ThrottledVerifier } from '../auth/throttled-verifier.ts';
import { publishedKeys, type SigningKey } from '../auth/signing-keys.ts';
import type { Limiter } from '../limits/limiter.ts';
import { LocalLimiter } from '../limits/local-limiter.ts';
import { MemoryLimiter } from '../limits/memory-limiter.ts';
import { QuotaLedger } from '../limits/quotas/quota-ledger.ts';
import { systemClock, type Clock } from '../kernel/clock.ts';
import { InTurn } from '../kernel/work/in-turn.ts';
import { Slices } from '../kernel/work/slices.ts';
import type { GatewayStatus, LeaseListStatus } from '../kernel/http/status.ts';
import type { RelayOutage } from '../portal/relay-client.ts';
import { createAdminPipeline, createPipeline } from '../pipeline/order.ts';
import { outageFault } from '../pipeline/stages/resolve-lease.ts';
import { compilePolicy } from '../policy/compiled.ts';
import type { Policy } from '../policy/policy.ts';
import { leasePins } from '../policy/lease-pins.ts';
import { LeaseDirectory } from '../route/lease-directory.ts';
import { listStatusOf, publishDirectoryEvent } from '../route/directory-events.ts';
import { NameBindings } from '../route/name-bindings.ts';
import { BuiltinEndpoints, type BuiltinEndpointsOptions } from '../server/builtin/builtin-endpoints.ts';
import { Http2 } from '../server/http2/http2.ts';
import { HttpServer, type ListenerOptions } from '../server/http-server.ts';
import type { TlsSettings } from '../server/listen/server-certificates.ts';
import { TlsListener } from '../server/listen/tls-listener.ts';
import type { Lease, Transport } from '../upstream/transport.ts';
import { type PoolLimits, poolLimitsOf } from '../upstream/tunnel-pool.ts';
import { Upstream } from '../upstream/upstream.ts';
import { releaseStartMemory } from './start-memory.ts';

export interface GatewayOptions extends ListenerOptions {
  readonly policy: Policy;
  /** A separate listener for health, metrics and details, on the same host. */
  readonly admin?: { readonly port: number };
  /** One for each relay. The gateway owns and closes them. */
  readonly transports: readonly Transport[];
  /** TLS, and with it HTTP/2. Undefined: disabled for the lifetime of the gateway. */
  readonly tls?: TlsSettings;
  /** Limits for each lease and relay connection that differ from the policy. */
  readonly pool?: Partial<PoolLimits>;
  readonly clock?: Clock;
  /** Called for every request whose key was accepted. */
  readonly keyUsed?: AuthenticatorOptions['used'];
  /** Recognises keys that were verified before. Default: in memory only. */
  readonly keyDigests?: KeyDigests | undefined;
  /** The keys that sign assertions and are published. */
  readonly signingKeys?: (() => readonly SigningKey[]) | undefined;
  /** Counts rate limits and concurrent requests. Default: in this process. The caller closes it. */
  readonly limiter?: Limiter;
  /** The quota usage of keys. Default: starts at zero. */
  readonly quotas?: QuotaLedger;
  /** The lease id of each name. Default: what this process has seen. */
  readonly nameBindings?: NameBindings;
  /** Browser sessions, for `dev` alone. Undefined: browsers cannot sign in. */
  readonly sessions?: BrowserSessions | undefined;
  /** More data for /health/details, in addition to the gateway's own. */
  readonly details?: (() => object) | undefined;
  /** For /health/details. */
  readonly version?: BuiltinEndpointsOptions['version'];
  readonly metrics?: BuiltinEndpointsOptions['metrics'];
}

export interface Gateway {
  /** Throws Node's error (EADDRINUSE, EACCES) when it cannot listen on the port. */
  listen(): Promise<AddressInfo>;
  /** The address of the admin listener, if there is one. */
  adminAddress(): AddressInfo | undefined;
  /**
   * Applies the policy to requests, and the certificates to handshakes, that begin after this
   * resolves. Requests in flight keep the old ones. Policies are applied in call order. Rejects
   * with TlsSettingsError and then changes nothing.
   */
  apply(policy: Policy, tls?: TlsSettings): Promise<void>;
  /** The data for health and metrics. */
  status(): GatewayStatus;
  /**
   * Reports not ready from now on. Listens for `delayMs` more, then accepts no new connections,
   * serves requests on the existing ones, and closes those left after `graceMs`. Idempotent.
   */
  drain(graceMs?: number, delayMs?: number): Promise<void>;
  /** Closes all connections at once. Idempotent. */
  close(): Promise<void>;
}

/**
 * Half of the queue is for callers who verified before: at bcrypt cost 12 they wait at most 16 s,
 * and rarely more than one.
 */
const maxWaitingForBcrypt = 64;

/** The default of gateway.shutdown_grace. */
const defaultGraceMs = 30_000;

/** Throws TlsSettingsError. */
export function createGateway(options: GatewayOptions): Gateway {
  const {
    transports,
    pool,
    tls,
    clock = systemClock,
    quotas = new QuotaLedger({ clock }),
    limiter = new LocalLimiter(new MemoryLimiter({ clock }), quotas),
    keyUsed,
    keyDigests = new KeyDigests({ secret: randomBytes(32) }),
    signingKeys,
    sessions,
    nameBindings = new NameBindings({ mode: () => policy.nameBinding }),
    details,
    version,
    metrics,
    admin,
    ...listener
  } = options;
  let { policy } = options;
  const poolLimits = (): PoolLimits => ({ ...poolLimitsOf(policy), ...pool });
  let limits = poolLimits();
  const directory = directoryOf(transports, { clock, policy: () => policy, bindings: nameBindings });
  const upstream = new Upstream({ clock, limits: () => limits, outage: () => outageFault(outageOf(transports)) });
  const signer = signingKeys && new AssertionSigner({ keys: signingKeys, clock });
  let tlsListener: TlsListener | undefined;
  const bcrypt = new BcryptThreads();
  const authenticator = new Authenticator({ verifier: verifierOf(bcrypt, keyDigests, clock), clock, used: keyUsed });
  const endpoints = endpointsOf(
    { transports, signingKeys, details, version, metrics },
    { server: () => server, directory },
  );
  const server: HttpServer = new HttpServer({
    ...listener,
    policy: () => policy,
    clock,
    dispatch: createPipeline({
      ...{ endpoints, directory, upstream, clock, limiter, quotas, signer, sessions, authenticator },
      isGraceOver: () => server.graceOver,
      outage: () => outageOf(transports),
    }),
    admin: admin && { port: admin.port, dispatch: createAdminPipeline(endpoints, clock) },
    ...(tls !== undefined && {
      secure: (http1, serverHost) =>
        (tlsListener = new TlsListener(tls, { http1, h2: new Http2(serverHost) }, serverHost)),
    }),
  });

  return facade({
    ...{ server, transports, directory, upstream, bcrypt, tlsListener: () => tlsListener },
    use: (next) => {
      policy = next;
      limits = poolLimits();
    },
    policy: () => policy,
  });
}

function endpointsOf(
  {
    transports,
    signingKeys,
    details,
    version,
    metrics,
  }: Pick<GatewayOptions, 'transports' | 'signingKeys' | 'details' | 'version' | 'metrics'>,
  { server, directory }: { readonly server: () => HttpServer; readonly directory: LeaseDirectory<Lease, Transport> },
): BuiltinEndpoints {
  return new BuiltinEndpoints({
    server,
    connected: () => transports.some(isConnected),
    listed: () => directory.isReady,
    version,
    metrics,
    assertionKeys: signingKeys && (() => publishedKeys(signingKeys())),
    details: () => ({
      relays: transports.map((transport) => ({ relay: transport.relay, state: transport.state() })),
      lease_lists: directory.status().map(listStatusOf).map(listDetails),
      ...details?.(),
    }),
  });
}

/** Since the last relay was lost, and until the first attempt to connect to one. */
function outageOf(transports: readonly Transport[]): RelayOutage | undefined {
  const outages = transports.flatMap((transport) => transport.outage?.() ?? []);
  if (outages.length === 0 || transports.some(isConnected)) return undefined;
  return {
    forMs: Math.min(...outages.map(({ forMs }) => forMs)),
    retryInMs: Math.min(...outages.map(({ retryInMs }) => retryInMs)),
  };
}

interface DirectoryParts {
  readonly clock: Clock;
  readonly policy: () => Policy;
  readonly bindings: NameBindings;
}

function directoryOf(
  transports: readonly Transport[],
  { clock, policy, bindings }: DirectoryParts,
): LeaseDirectory<Lease, Transport> {
  return new LeaseDirectory<Lease, Transport>(transports, {
    ...{ clock, bindings, report: publishDirectoryEvent },
    ttlMs: () => policy().directoryTtlMs,
    maxLeases: () => policy().maxLeases,
    pinnedIds: () => leasePins(policy()).ids,
  });
}

interface GatewayParts {
  readonly server: HttpServer;
  readonly transports: readonly Transport[];
  readonly directory: LeaseDirectory<Lease, Transport>;
  readonly upstream: Upstream;
  readonly bcrypt: BcryptThreads;
  /** Undefined: TLS is disabled. */
  readonly tlsListener: () => TlsListener | undefined;
  readonly policy: () => Policy;
  /** From now on, requests use this policy. */
  readonly use: (policy: Policy) => void;
}

function facade(parts: GatewayParts): Gateway {
  const { server, directory, upstream } = parts;
  const applying = new InTurn();
  return {
    listen: async () => {
      await new Slices().run(compilePolicy(parts.policy()));
      releaseStartMemory();
      const address = await server.listen();
      directory.start();
      return address;
    },
    adminAddress: () => server.adminAddress,
    apply: (next, certificates) =>
      applying.run(async () => {
        const slices = new Slices();
        await slices.run(compilePolicy(next));
        const current = parts.tlsListener();
        const applyTls = certificates && current && (await slices.run(current.prepare(certificates)));
        applyTls?.();
        parts.use(next);
      }),
    status: () => ({
      relays: parts.transports.map((transport) => ({
        relay: transport.relay,
        state: transport.state(),
        rttMs: transport.rttMs,
      })),
      tunnels: [...upstream.tunnels()],
      certificates: parts.tlsListener()?.certificates ?? [],
    }),
    drain: async (graceMs = defaultGraceMs, delayMs = 0) => {
      await server.drain(graceMs, delayMs);
      await release(parts);
    },
    close: async () => {
      await server.close();
      await release(parts);
    },
  };
}

async function release({ directory, upstream, bcrypt, transports }: GatewayParts): Promise<void> {
  directory.stop();
  upstream.close();
  await Promise.all([bcrypt.close(), ...transports.map((transport) => transport.close())]);
}

function verifierOf(bcrypt: BcryptThreads, digests: KeyDigests, clock: Clock): ThrottledVerifier {
  const hasher = new BcryptPool({
    concurrency: bcryptConcurrency(availableParallelism()),
    maxWaiting: maxWaitingForBcrypt,
    compare: (key, hash) => bcrypt.compare(key, hash),
  });
  return new ThrottledVerifier({
    verifier: new KeyVerifier({ hasher, clock, digests }),
    throttle: new AuthThrottle(clock),
  });
}

function listDetails({ relay, leases, ignored, error }: LeaseListStatus): object {
  return { relay, leases, ignored: Object.fromEntries(ignored), error };
}

function isConnected(transport: Transport): boolean {
  const state = transport.state();
  return state === 'up' || state === 'suspect';
}
