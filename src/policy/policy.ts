// Owns the immutable snapshot that the data plane works from. Structured-cloneable: no functions, no class instances.
// Knows neither where it came from nor who asks.

export interface Policy {
  readonly auth: AuthPolicy;
  /** By pattern: a lease name, a lease id, `prefix-*` or `*`. */
  readonly acl: Readonly<Record<string, readonly string[]>>;
  /** What apps are told in a way that they can check. Undefined: nothing. */
  readonly assertion: AssertionPolicy | undefined;
  readonly ipRules: IpRulesPolicy;
  readonly rateLimit: RateLimitPolicy;
  readonly quotas: QuotasPolicy;
  readonly shares: SharesPolicy;
  /** Lower case. Empty: no host mode. */
  readonly baseDomain: string;
  /** Addresses and CIDR blocks whose forwarded headers are believed. */
  readonly trustedProxies: readonly string[];
  /** Host patterns that are served. Empty: the default rule of docs/security.md. */
  readonly allowedHosts: readonly string[];
  /** Header names, in lower case, that a trusted proxy may pass although other clients may not. */
  readonly forwardHeaders: readonly string[];
  /** `gateway.public_url` without a slash at its end; empty without one. */
  readonly publicUrl: string;
  /** The host of `gateway.public_url` with its port, in lower case; empty without one. */
  readonly publicHost: string;
  /** Scheme, host and port of `gateway.public_url`, in lower case; empty without one. */
  readonly publicOrigin: string;
  readonly limits: LimitsPolicy;
  readonly timeouts: TimeoutsPolicy;
  readonly cors: CorsPolicy;
  /** By pattern: `name`, `prefix-*` or `*`, as configured. */
  readonly leases: Readonly<Record<string, LeasePolicy>>;
  /** Lease name -> the only id that it may lead to. */
  readonly leasePins: Readonly<Record<string, string>>;
  readonly pool: PoolPolicy;
  /** How long the relays' lists of leases are believed. */
  readonly directoryTtlMs: number;
  /** Which id keeps a lease name that another id claims. */
  readonly nameBinding: 'first' | 'strict';
  /** Leases of one relay that are used. */
  readonly maxLeases: number;
  readonly metrics: MetricsPolicy;
}

export interface AuthPolicy {
  /** False: everyone is `anonymous`. */
  readonly enabled: boolean;
  readonly keys: readonly KeyPolicy[];
  /** A verified key that is not used for this time is verified again. */
  readonly cacheTtlMs: number;
  /** True: the app gets to see the credential. */
  readonly forwardCredential: boolean;
}

export interface AssertionPolicy {
  /** The gateway's public URL. */
  readonly issuer: string;
}

/** Addresses and CIDR blocks. */
export interface IpRulesPolicy {
  /** Empty: all that are not denied. */
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
  /** By pattern. */
  readonly perLease: Readonly<Record<string, RatePolicy>>;
  /** By name, or `*`. */
  readonly perTenant: Readonly<Record<string, RatePolicy>>;
  readonly perIp: RatePolicy | undefined;
  /** The first that fits counts. */
  readonly costs: readonly CostPolicy[];
}

export interface CostPolicy {
  readonly lease: string;
  readonly path: string;
  /** Empty: all. */
  readonly method: string;
  readonly cost: number;
}

/** By the id of the key, or `*` for each of the others. */
export interface QuotasPolicy {
  /** By its name in the IANA time zone database. */
  readonly timeZone: string;
  readonly daily: Readonly<Record<string, QuotaPolicy>>;
  readonly monthly: Readonly<Record<string, QuotaPolicy>>;
  /** The classes of tokens that `llmTokens` counts. */
  readonly count: readonly TokenClass[];
  /** How a response without reported usage is charged. */
  readonly unknownUsage: 'estimate' | 'deny' | 'ignore';
  readonly maxTokensPerResponse: number;
}

export type TokenClass = 'input' | 'cache_read' | 'cache_write' | 'output' | 'reasoning';

/** Shares of `maxInFlight` and of `maxStreams` under contention. 0: a quarter of each. */
export interface SharesPolicy {
  readonly perKeyInFlight: number;
  readonly perLeaseInFlight: number;
  readonly perTenantInFlight: number;
  readonly perIpInFlight: number;
}

/** What is not named is not limited. */
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
  /** Empty: from everywhere. */
  readonly allowedCidrs: readonly string[];
}

/** How a key is recognised. */
export type KeySecret =
  /** The key itself was at hand when the policy was made. */
  | { readonly kind: 'digest'; readonly sha256: string }
  /** `prefix`: what the key begins with; empty for a key made elsewhere of which that is not known. */
  | { readonly kind: 'bcrypt'; readonly bcrypt: string; readonly prefix: string };

/** Of the listener and what waits behind it. 0 where a field says so: no limit. */
export interface LimitsPolicy {
  /** 0: unlimited. */
  readonly maxBodyBytes: number;
  /** Between two pieces of a request body. */
  readonly bodyTimeoutMs: number;
  readonly readHeaderTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerIp: number;
  readonly maxInFlight: number;
  readonly maxStreams: number;
  /** Requests that may wait for a place in flight. */
  readonly queue: number;
  /** Bytes a second that a client must take of a response while data waits for it. 0: off. */
  readonly minWriteRateBytes: number;
  /** How long idle kept-alive connections stay while the gateway drains. */
  readonly drainLingerMs: number;
}

/** Tunnels kept to each lease. */
export interface PoolPolicy {
  readonly maxIdle: number;
  readonly maxActive: number;
  readonly idleTimeoutMs: number;
}

export interface Timeouts {
  readonly dialMs: number;
  readonly responseHeadersMs: number;
  readonly bodyIdleMs: number;
  /** 0: none. Streams are not bounded by it. */
  readonly totalMs: number;
}

export interface TimeoutsPolicy extends Timeouts {
  /** The first that fits counts; what it does not name stays as it is for all. */
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
  readonly origins: readonly string[];
  readonly methods: readonly string[];
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
  /** Where there are assertions: good for any request to the lease, or for one. */
  readonly assertion: { readonly bind: 'none' | 'request' };
  readonly ipRules: IpRulesPolicy;
  /** Where the caller's credential is read: `app` reads `X-Gateway-Key` only. */
  readonly credentials: 'gateway' | 'app';
  /** Empty: by the rule of the mode. */
  readonly hostHeader: string;
  readonly headers: { readonly request: HeaderChanges; readonly response: HeaderChanges };
  /** In place of the general one, where enabled. */
  readonly cors: CorsPolicy;
}

export interface MetricsPolicy {
  readonly enabled: boolean;
  readonly path: string;
  readonly allowedCidrs: readonly string[];
}
