// The immutable configuration snapshot that the data plane uses. It can be structured-cloned: no
// functions, no class instances. config/load/to-policy.ts assigns groups with the same fields as in
// Config as a whole, so the compiler keeps both alike; this room cannot import Config.

export interface Policy {
  readonly auth: AuthPolicy;
  /** Keyed by pattern: a lease name, a lease id, `prefix-*` or `*`. */
  readonly acl: Readonly<Record<string, readonly string[]>>;
  /** Settings of the signed assertions sent to apps. Undefined: none are sent. */
  readonly assertion: AssertionPolicy | undefined;
  readonly ipRules: IpRulesPolicy;
  readonly rateLimit: RateLimitPolicy;
  readonly quotas: QuotasPolicy;
  readonly shares: SharesPolicy;
  /** In lower case. Empty: host mode is off. */
  readonly baseDomain: string;
  /** Addresses and CIDR blocks whose forwarded headers are trusted. */
  readonly trustedProxies: readonly string[];
  /** Host patterns to serve. Empty: the default rule in docs/security.md. */
  readonly allowedHosts: readonly string[];
  /** Header names, in lower case, that a trusted proxy may pass although other clients may not. */
  readonly forwardHeaders: readonly string[];
  /** `gateway.public_url` without a trailing slash; empty if not set. */
  readonly publicUrl: string;
  /** The host of `gateway.public_url` with its port, in lower case; empty if not set. */
  readonly publicHost: string;
  /** Scheme, host and port of `gateway.public_url`, in lower case; empty if not set. */
  readonly publicOrigin: string;
  readonly limits: LimitsPolicy;
  readonly timeouts: TimeoutsPolicy;
  readonly cors: CorsPolicy;
  /** Keyed by pattern: `name`, `prefix-*` or `*`, as configured. */
  readonly leases: Readonly<Record<string, LeasePolicy>>;
  /** Lease name -> the only id that it may lead to. */
  readonly leasePins: Readonly<Record<string, string>>;
  readonly pool: PoolPolicy;
  /** How long a relay's lease list is used. */
  readonly directoryTtlMs: number;
  /** Which id keeps a lease name when another id claims it. */
  readonly nameBinding: 'first' | 'strict';
  /** Maximum leases used of one relay. */
  readonly maxLeases: number;
  readonly metrics: MetricsPolicy;
}

export interface AuthPolicy {
  /** False: every caller is `anonymous`. */
  readonly enabled: boolean;
  readonly keys: readonly KeyPolicy[];
  /** A verified key that is not used for this long is verified again. */
  readonly cacheTtlMs: number;
  /** True: the credential is forwarded to the app. */
  readonly forwardCredential: boolean;
  /** A key may be the password of `Authorization: Basic`. */
  readonly basic: boolean;
}

export interface AssertionPolicy {
  /** The gateway's public URL. */
  readonly issuer: string;
}

/** Lists of addresses and CIDR blocks. */
export interface IpRulesPolicy {
  /** Empty: all addresses that are not denied. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

export interface RatePolicy {
  readonly requestsPerSecond: number;
  readonly burst: number;
}

export interface RateLimitPolicy {
  readonly global: RatePolicy;
  readonly perKey: { readonly default: RatePolicy; readonly overrides: Readonly<Record<string, RatePolicy>> };
  /** Keyed by pattern. */
  readonly perLease: Readonly<Record<string, RatePolicy>>;
  /** Keyed by tenant name, or `*`. */
  readonly perTenant: Readonly<Record<string, RatePolicy>>;
  readonly perIp: RatePolicy | undefined;
  /** The first match applies. */
  readonly costs: readonly CostPolicy[];
}

export interface CostPolicy {
  readonly lease: string;
  readonly path: string;
  /** Empty: all methods. */
  readonly method: string;
  readonly cost: number;
}

/** Keyed by key id, or `*` for each of the other keys. */
export interface QuotasPolicy {
  /** Name in the IANA time zone database. */
  readonly timeZone: string;
  readonly daily: Readonly<Record<string, QuotaPolicy>>;
  readonly monthly: Readonly<Record<string, QuotaPolicy>>;
  /** The token classes that `llmTokens` counts. */
  readonly count: readonly TokenClass[];
  /** How a response without reported usage is charged. */
  readonly unknownUsage: 'estimate' | 'deny' | 'ignore';
  readonly maxTokensPerResponse: number;
}

export type TokenClass = 'input' | 'cache_read' | 'cache_write' | 'output' | 'reasoning';

/** Shares of `maxInFlight` and `maxStreams` under contention. 0: a quarter of each. */
export interface SharesPolicy {
  readonly perKeyInFlight: number;
  readonly perLeaseInFlight: number;
  readonly perTenantInFlight: number;
  readonly perIpInFlight: number;
}

/** Omitted values are not limited. */
export interface QuotaPolicy {
  readonly requests?: number;
  readonly bytes?: number;
  readonly llmTokens?: number;
}

export interface KeyPolicy {
  /** The name of the principal. */
  readonly id: string;
  readonly secret: KeySecret;
  readonly scopes: readonly string[];
  /** Milliseconds since 1970; undefined: no bound. */
  readonly notBeforeMs: number | undefined;
  readonly expiresAtMs: number | undefined;
  /** Empty: any address. */
  readonly allowedCidrs: readonly string[];
}

export type KeySecret =
  /** The plain key was available when the policy was built. */
  | { readonly kind: 'digest'; readonly sha256: string }
  /** `prefix`: the first characters of the key; empty if unknown, for a key made elsewhere. */
  | { readonly kind: 'bcrypt'; readonly bcrypt: string; readonly prefix: string };

/** Limits of the listener and of the queue behind it. 0 means no limit only where stated. */
export interface LimitsPolicy {
  /** 0: unlimited. */
  readonly maxBodyBytes: number;
  /** Maximum time between two pieces of a request body. */
  readonly bodyTimeoutMs: number;
  readonly readHeaderTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerIp: number;
  readonly maxInFlight: number;
  readonly maxStreams: number;
  /** Maximum requests waiting for a free place in flight. */
  readonly queue: number;
  /** Bytes per second of a response that a client must read while data is waiting. 0: off. */
  readonly minWriteRateBytes: number;
  /** How long idle keep-alive connections stay open while the gateway drains. */
  readonly drainLingerMs: number;
}

/** Limits of the tunnels to each lease. */
export interface PoolPolicy {
  readonly maxIdle: number;
  readonly maxActive: number;
  readonly idleTimeoutMs: number;
}

export interface Timeouts {
  readonly dialMs: number;
  readonly responseHeadersMs: number;
  readonly bodyIdleMs: number;
  /** 0: no limit. Does not apply to streams. */
  readonly totalMs: number;
}

export interface TimeoutsPolicy extends Timeouts {
  /** The first match applies; values that it omits are the general ones. */
  readonly overrides: readonly TimeoutOverride[];
}

export interface TimeoutOverride extends Partial<Timeouts> {
  /** `name`, `prefix-*` or `*`. */
  readonly lease: string;
  /** `/path`, `/prefix/*` or `/*`. */
  readonly path: string;
}

export interface CorsPolicy {
  readonly enabled: boolean;
  /** As browsers send them, or `*`. */
  readonly origins: readonly string[];
  /** Beyond GET, HEAD and POST; `*` for any. */
  readonly methods: readonly string[];
  /** Beyond the safelisted ones; `*` for any. */
  readonly headers: readonly string[];
  readonly credentials: boolean;
  readonly maxAgeMs: number;
}

export interface HeaderChanges {
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

export interface LeasePolicy {
  readonly requiredScopes: readonly string[];
  /** If assertions are enabled: valid for any request to the lease, or bound to one. */
  readonly assertion: { readonly bind: 'none' | 'request' };
  readonly ipRules: IpRulesPolicy;
  /** Where the caller's credential is read: `app` reads `X-Gateway-Key` only. */
  readonly credentials: 'gateway' | 'app';
  /** Absent: as `auth.basic`. */
  readonly basic?: boolean;
  /** Empty: the default of the mode. */
  readonly hostHeader: string;
  /** Path mode: whether the app receives the path without the prefix. */
  readonly stripPrefix: boolean;
  readonly headers: { readonly request: HeaderChanges; readonly response: HeaderChanges };
  /** Replaces the general setting if enabled. */
  readonly cors: CorsPolicy;
}

export interface MetricsPolicy {
  readonly enabled: boolean;
  readonly path: string;
  readonly allowedCidrs: readonly string[];
}
