// Generated from schema.ts by tools/generate-config-docs.ts: the configuration as the gateway works with it. Durations are in
// milliseconds, sizes in bytes, paths absolute; everything is deeply frozen. Look maps up with Object.hasOwn, or compile them.

/** The configuration of Portal Gateway. Only what differs from a default needs to be written. */
export interface Config {
  /** The main listener and what protects it. */
  readonly gateway: GatewayConfig;
  /** TLS, and with it HTTP/2, on the main listener. */
  readonly tls: TlsConfig;
  /** The separate listener for health, metrics and details. */
  readonly admin: AdminConfig;
  /** The relays, and the tunnels through them. */
  readonly portal: PortalConfig;
  /** Who may call. */
  readonly auth: AuthConfig;
  /** Who may call which lease: pattern (`name`, `prefix-*`, `*` or a lease id) to a list of principals. The most specific kind of pattern counts. Nothing listed means denied. */
  readonly leaseAcl: Readonly<Record<string, readonly string[]>>;
  /** Which addresses may call at all. */
  readonly ipRules: IpRulesConfig;
  /** Token buckets. A request is admitted by all of them or charged to none. */
  readonly rateLimit: RateLimitConfig;
  /** What each key may use in all. Counted beyond a restart; with `rate_limit.storage.type: redis`, by all gateways together. */
  readonly quotas: QuotasConfig;
  /** The shares of concurrent requests and streams under contention. Without contention any caller may use everything. */
  readonly limits: SharesConfig;
  /** How long the apps may take. */
  readonly timeouts: TimeoutsConfig;
  /** Cross-origin requests of browsers, for every lease. */
  readonly cors: CorsConfig;
  /** Settings for some leases, by pattern: `name`, `prefix-*` or `*`. Of the patterns that fit, the most specific one counts. */
  readonly leases: Readonly<Record<string, LeaseConfig>>;
  /** Metrics for Prometheus. */
  readonly metrics: MetricsConfig;
  /** The log. */
  readonly logging: LoggingConfig;
}

/** The main listener and what protects it. */
export interface GatewayConfig {
  /** The address to listen on, or a name: then every address of it. `0.0.0.0` in the container image. */
  readonly host: string;
  /** The port to listen on; 0 takes any that is free. */
  readonly port: number;
  /** Serves each lease at `https://<lease>.<base_domain>/` too. Empty: by path only. */
  readonly baseDomain: string;
  /** The gateway's public base URL: `iss` of the assertions that apps get, and the start of `type` in problems. In path mode an `Origin` equal to it becomes the app's. */
  readonly publicUrl: string;
  /** Addresses and blocks whose `X-Forwarded-*`, `Forwarded` and PROXY protocol headers are believed. Of the addresses that they name, the right-most one that is not trusted is the client. */
  readonly trustedProxies: readonly string[];
  /** Hosts that are served: names, `*.example.com` or literal addresses, with or without a port; `*` allows any. Others get 421. Empty: any host for requests to leases that require a credential; for leases open to `anonymous` only loopback names, literal IP addresses, the host of `public_url` and names below `base_domain`. */
  readonly allowedHosts: readonly string[];
  /** Headers that a proxy in `trusted_proxies` may pass to apps although they are removed from all other requests, such as `X-Forwarded-User`; whole names only. */
  readonly forwardHeaders: readonly string[];
  /** A request head that is not whole after this time is answered 408. */
  readonly readHeaderTimeoutMs: number;
  /** A connection without a request is closed after this time. */
  readonly idleTimeoutMs: number;
  /** How long requests may go on after SIGTERM and `drain_delay`; the rest is answered 503 `draining` or cut. */
  readonly shutdownGraceMs: number;
  /** How long the gateway listens on after SIGTERM, with 503 on `/health/ready`: as long as load balancers take to send it no more connections. */
  readonly drainDelayMs: number;
  /** How long an idle kept-alive connection stays open when the gateway has stopped listening, to answer one more request. */
  readonly drainLingerMs: number;
  /** A larger request head is answered 431, a target of more than half of it 414. */
  readonly maxHeaderBytes: number;
  /** A larger request body is answered 413. Bodies are streamed and never held in memory. */
  readonly maxBodyBytes: number;
  /** Open client connections; more are closed at once. */
  readonly maxConnections: number;
  /** Open connections of one client address, or of one /64 of IPv6; the addresses of `trusted_proxies` have no such bound. */
  readonly maxConnectionsPerIp: number;
  /** Requests at work at once; more wait in the queue. A stream leaves this count at its response head or 101 and counts as a stream instead. */
  readonly maxInFlight: number;
  /** Streams and upgraded connections open at once; more are answered 503 `overloaded`. */
  readonly maxStreams: number;
  /** Requests that may wait while `max_in_flight` are at work; more are answered 503 `overloaded`. */
  readonly queue: number;
  /** The longest pause between two pieces of a request body. */
  readonly bodyTimeoutMs: number;
  /** The least that a client must take of a response in a second, as the mean over 30s while data waits for it; slower ones are cut. Streams are exempt. */
  readonly minWriteRateBytes: number;
  /** Every connection begins with a PROXY protocol header, version 2, of one of `trusted_proxies`. */
  readonly proxyProtocol: boolean;
}

/** TLS, and with it HTTP/2, on the main listener. */
export interface TlsConfig {
  /** Listens with TLS. */
  readonly enabled: boolean;
  /** The certificate and its chain, PEM. Read again when it changes. */
  readonly certFile: string;
  /** The private key of `cert_file`, PEM. Refused where other users may read or replace it. */
  readonly keyFile: string;
  /** The oldest TLS version that is spoken. A change ends connections of before with what is in flight. */
  readonly minVersion: '1.2' | '1.3';
  /** Demands client certificates signed by these authorities, PEM. Empty: none are asked for. A change ends connections of before with what is in flight. */
  readonly clientCaFile: string;
  /** More certificates, chosen by the name that the client asks for (SNI). */
  readonly certificates: readonly CertificateConfig[];
}

/** A certificate and its key. */
export interface CertificateConfig {
  /** The certificate and its chain, PEM. */
  readonly certFile: string;
  /** Its private key, PEM. Refused where other users may read or replace it. */
  readonly keyFile: string;
}

/** The separate listener for health, metrics and details. */
export interface AdminConfig {
  /** Serves `/health`, `/metrics` and `/health/details` here; 0: on the main port. */
  readonly port: number;
}

/** The relays, and the tunnels through them. */
export interface PortalConfig {
  /** The short form of `relays` with one entry. */
  readonly relayUrl: string;
  /** The relays to be connected to. */
  readonly relays: readonly RelayConfig[];
  /** The gateway's private key (Ed25519, PEM), usually `file:PATH`. Empty: a file in the user's state directory, made at the first start, or a new identity at each start where none can be kept. Replicas share one. A secret. */
  readonly identity: string;
  /** How often a relay is asked whether it lives. */
  readonly keepaliveIntervalMs: number;
  /** A relay that has not answered by then is given up. */
  readonly keepaliveTimeoutMs: number;
  /** Coming back to a lost relay: for ever, with jitter. */
  readonly reconnect: ReconnectConfig;
  /** Tunnels kept to each lease. */
  readonly pool: PoolConfig;
  /** How long an answer of the relays to "which leases are there" is used. */
  readonly directoryTtlMs: number;
  /** Which lease id keeps a name when another id claims it. `first`: the id that had the name keeps it while it is listed. `strict`: a new id must be pinned, or accepted by `portal-gateway leases accept NAME`. */
  readonly nameBinding: 'first' | 'strict';
  /** Leases of one relay that are used; further entries of its list are ignored and reported. */
  readonly maxLeases: number;
  /** The largest receive window of a tunnel. A window grows from 256 KiB with the bandwidth and the round trip of its tunnel. */
  readonly maxWindowBytes: number;
  /** What the receive windows of all tunnels may grow by together: half of it for tunnels in use, half for idle ones. Of either, the tunnels to one lease take at most half of what other leases leave. */
  readonly windowBudgetBytes: number;
  /** Fixes a lease name to an id, so that a relay can lead it nowhere else. */
  readonly leasePins: Readonly<Record<string, string>>;
}

/** A relay. */
export interface RelayConfig {
  /** Where the relay is, `ws://` or `wss://`. */
  readonly url: string;
  /** Authorities to trust for `wss://` instead of the system's, PEM. */
  readonly caFile: string;
}

/** Coming back to a lost relay: for ever, with jitter. */
export interface ReconnectConfig {
  /** The first pause. */
  readonly initialMs: number;
  /** The longest pause. */
  readonly maxMs: number;
}

/** Tunnels kept to each lease. */
export interface PoolConfig {
  /** Idle tunnels kept for the next request. */
  readonly maxIdle: number;
  /** Tunnels in use at once. */
  readonly maxActive: number;
  /** An idle tunnel is closed after this time. */
  readonly idleTimeoutMs: number;
}

/** Who may call. */
export interface AuthConfig {
  /** Asks callers for a key. Off: everyone is `anonymous`, and `lease_acl` still applies. */
  readonly enabled: boolean;
  /** The keys. `GATEWAY_API_KEY` in the environment adds one, named `environment`. */
  readonly keys: readonly KeyConfig[];
  /** A file of more keys, managed by `portal-gateway keys` and read again when it changes. */
  readonly keysFile: string;
  /** A verified key that is not used for this time is verified again. Keys of the form that `portal-gateway keys create` makes are recognised for good. */
  readonly cacheTtlMs: number;
  /** A signed word to the apps of who calls, by which they know the gateway. */
  readonly assertion: AssertionConfig;
  /** Leaves the credential that the gateway used in the request to the app. */
  readonly forwardCredential: boolean;
}

/** An API key: its hash, or the key itself. */
export interface KeyConfig {
  /** Its name in `lease_acl`, logs and limits. */
  readonly id: string;
  /** The bcrypt hash of the whole key, as `portal-gateway keys hash` makes it. */
  readonly keyHash: string;
  /** What the key begins with, by which its entry is found. `keys hash` fills it in; for keys made elsewhere, their first 8 characters or more. */
  readonly keyPrefix: string;
  /** The key itself, hashed at load; instead of `key_hash`. A secret. */
  readonly key: string;
  /** What the key is for. */
  readonly description: string;
  /** What it may do: `read` (GET, HEAD, OPTIONS), `write` (everything else), `admin`, and scopes of your own. */
  readonly scopes: readonly string[];
  /** It is not valid before this time. */
  readonly notBefore: string;
  /** It is not valid from this time on. */
  readonly expiresAt: string;
  /** Where it may be used from. Empty: from everywhere. */
  readonly allowedCidrs: readonly string[];
}

/** A signed word to the apps of who calls, by which they know the gateway. */
export interface AssertionConfig {
  /** Sends `X-Gateway-Assertion` with every request, and publishes the keys at /.well-known/portal-gateway/jwks.json. */
  readonly enabled: boolean;
}

/** Which addresses may call at all. */
export interface IpRulesConfig {
  /** Empty: all that are not denied. Otherwise these only. */
  readonly allow: readonly string[];
  /** These not, whatever is allowed. */
  readonly deny: readonly string[];
}

/** Token buckets. A request is admitted by all of them or charged to none. */
export interface RateLimitConfig {
  /** All requests together. */
  readonly global: GlobalRateConfig;
  /** Each key by itself. */
  readonly perKey: KeyRatesConfig;
  /** Each lease by itself, by pattern: `name`, `prefix-*` or `*`. The most specific one counts. */
  readonly perLease: Readonly<Record<string, RateConfig>>;
  /** Each tenant by itself, by its name, or `*` for each of the others. Not supported yet: no caller has a tenant. */
  readonly perTenant: Readonly<Record<string, RateConfig>>;
  /** Each client address by itself; an IPv6 network of 64 bits counts as one. Not set: no limit. */
  readonly perIp: AddressRateConfig;
  /** Requests that cost more than one token; the first that fits counts. */
  readonly costs: readonly CostConfig[];
  /** Where the buckets are. */
  readonly storage: RateStorageConfig;
}

/** All requests together. */
export interface GlobalRateConfig {
  /** Requests that come back in a second, in the long run. */
  readonly requestsPerSecond: number;
  /** Requests that may come at once. */
  readonly burst: number;
}

/** Each key by itself. */
export interface KeyRatesConfig {
  /** Keys without a rate of their own. */
  readonly default: DefaultRateConfig;
  /** Keys with a rate of their own, by their id. */
  readonly overrides: Readonly<Record<string, RateConfig>>;
}

/** Keys without a rate of their own. */
export interface DefaultRateConfig {
  /** Requests that come back in a second, in the long run. */
  readonly requestsPerSecond: number;
  /** Requests that may come at once. */
  readonly burst: number;
}

/** A token bucket. */
export interface RateConfig {
  /** Requests that come back in a second, in the long run. */
  readonly requestsPerSecond: number;
  /** Requests that may come at once. */
  readonly burst: number;
}

/** Each client address by itself; an IPv6 network of 64 bits counts as one. Not set: no limit. */
export interface AddressRateConfig {
  /** Requests that come back in a second, in the long run. */
  readonly requestsPerSecond?: number;
  /** Requests that may come at once. */
  readonly burst?: number;
}

/** What a request costs, where it is not one token. */
export interface CostConfig {
  /** The leases: `name`, `prefix-*` or `*`. */
  readonly lease: string;
  /** The paths below the lease: `/path`, `/prefix/*` or `/*`. */
  readonly path: string;
  /** The method. Empty: all of them. */
  readonly method: string;
  /** Tokens. */
  readonly cost: number;
}

/** Where the buckets are. */
export interface RateStorageConfig {
  /** In this process (`memory`), or shared by all gateways that use the same `redis`. */
  readonly type: 'memory' | 'redis';
  /** With `type: redis`. */
  readonly redis: RedisConfig;
}

/** With `type: redis`. */
export interface RedisConfig {
  /** Where it is: `redis://`, `rediss://` (TLS) or `unix://`. Any node of a Redis cluster. Redis Sentinel is not supported. */
  readonly url: string;
  /** Authorities to trust for `rediss://` instead of the system's, PEM. */
  readonly caFile: string;
}

/** What each key may use in all. Counted beyond a restart; with `rate_limit.storage.type: redis`, by all gateways together. */
export interface QuotasConfig {
  /** Whose midnight days and months begin at. */
  readonly timeZone: string;
  /** For a day, by the id of the key, or `*` for each of the others. */
  readonly daily: Readonly<Record<string, QuotaConfig>>;
  /** For a month, likewise. */
  readonly monthly: Readonly<Record<string, QuotaConfig>>;
  /** The classes of tokens that `llm_tokens` counts. */
  readonly count: readonly ('input' | 'cache_read' | 'cache_write' | 'output' | 'reasoning')[];
  /** What a response of a language model costs when the app reports no usage. `estimate`: a quarter of the bytes of request and response text. `deny`: further requests of the caller to that lease are rejected until the period ends. `ignore`: nothing. */
  readonly unknownUsage: 'estimate' | 'deny' | 'ignore';
  /** The most tokens that one response is charged, whatever the app reports. */
  readonly maxTokensPerResponse: number;
}

/** What a key may use in a day or month. What is not named is not limited. */
export interface QuotaConfig {
  /** Requests. */
  readonly requests?: number;
  /** Bytes of bodies, of requests and answers together. */
  readonly bytes?: number;
  /** Tokens of language models, as OpenAI- and Anthropic-style answers tell them. */
  readonly llmTokens?: number;
}

/** The shares of concurrent requests and streams under contention. Without contention any caller may use everything. */
export interface SharesConfig {
  /** Requests in flight of one key while more than three quarters of `gateway.max_in_flight` are in use, and streams while more than three quarters of `gateway.max_streams` are. 0: a quarter of each. */
  readonly perKeyInFlight: number;
  /** Requests in flight of one lease while more than three quarters of `gateway.max_in_flight` are in use, and streams while more than three quarters of `gateway.max_streams` are. 0: a quarter of each. */
  readonly perLeaseInFlight: number;
  /** Requests in flight of one tenant while more than three quarters of `gateway.max_in_flight` are in use, and streams while more than three quarters of `gateway.max_streams` are. 0: a quarter of each. Not supported yet: no caller has a tenant. */
  readonly perTenantInFlight: number;
  /** Requests in flight of one client address while more than three quarters of `gateway.max_in_flight` are in use, and streams while more than three quarters of `gateway.max_streams` are. 0: a quarter of each. */
  readonly perIpInFlight: number;
}

/** How long the apps may take. */
export interface TimeoutsConfig {
  /** To reach an app through a relay; then 504 `dial_timeout`. */
  readonly dialMs: number;
  /** From the end of the request to the first byte of its response; then 504 `headers_timeout`. */
  readonly responseHeadersMs: number;
  /** A body or stream that stands still for this long is cut. */
  readonly bodyIdleMs: number;
  /** A whole request with its response; then 504 `total_timeout`. Streams are not bounded by it. */
  readonly totalMs: number;
  /** Other timeouts for some leases and paths; the first that fits counts. */
  readonly overrides: readonly TimeoutOverrideConfig[];
}

/** Other timeouts for some requests. */
export interface TimeoutOverrideConfig {
  /** The leases: `name`, `prefix-*` or `*`. */
  readonly lease: string;
  /** The paths below the lease: `/path`, `/prefix/*` or `/*`. */
  readonly path: string;
  /** To reach an app through a relay; then 504 `dial_timeout`. */
  readonly dialMs?: number;
  /** From the end of the request to the first byte of its response; then 504 `headers_timeout`. */
  readonly responseHeadersMs?: number;
  /** A body or stream that stands still for this long is cut. */
  readonly bodyIdleMs?: number;
  /** A whole request with its response; then 504 `total_timeout`. Streams are not bounded by it. */
  readonly totalMs?: number;
}

/** Cross-origin requests of browsers, for every lease. */
export interface CorsConfig {
  /** Answers preflights itself, before authentication, and marks responses. */
  readonly enabled: boolean;
  /** Who may: origins as browsers send them, or `*`. */
  readonly origins: readonly string[];
  /** Methods allowed beyond GET, HEAD and POST. */
  readonly methods: readonly string[];
  /** Request headers that pages may send beyond the safelisted ones, such as `Authorization`, `Content-Type` and `X-Gateway-Key`. */
  readonly headers: readonly string[];
  /** Allows requests with cookies and other credentials of the browser. For a header that a page sets, such as `Authorization`, see `headers`. */
  readonly credentials: boolean;
  /** How long browsers may remember a preflight. */
  readonly maxAgeMs: number;
}

/** What leases of this pattern have of their own. */
export interface LeaseConfig {
  /** Scopes that a caller must have, all of them, beside those that the method needs. */
  readonly requiredScopes: readonly string[];
  /** Which addresses may call these leases. */
  readonly ipRules: IpRulesConfig;
  /** Where the credential of a caller is read. `gateway`: `X-Gateway-Key`, `Authorization`, `X-API-Key` or the WebSocket subprotocol. `app`: `X-Gateway-Key` only, so that the others reach the app. */
  readonly credentials: 'gateway' | 'app';
  /** The `Host` that the app sees. Empty: the client's in host mode, the lease's name in path mode. Redirects and cookies that name it are mapped back. */
  readonly hostHeader: string;
  /** Headers to change. */
  readonly headers: LeaseHeadersConfig;
  /** The assertion that these leases get, where `auth.assertion` is enabled. */
  readonly assertion: LeaseAssertionConfig;
  /** In place of the general `cors`, where it is enabled. */
  readonly cors: CorsConfig;
}

/** Headers to change. */
export interface LeaseHeadersConfig {
  /** On the way to the app. */
  readonly request: HeaderChangesConfig;
  /** On the way to the client. */
  readonly response: HeaderChangesConfig;
}

/** On the way to the app. */
export interface HeaderChangesConfig {
  /** Headers to set, whatever was there before. */
  readonly set: Readonly<Record<string, string>>;
  /** Headers to remove. */
  readonly remove: readonly string[];
}

/** The assertion that these leases get, where `auth.assertion` is enabled. */
export interface LeaseAssertionConfig {
  /** What it is good for. `none`: all requests of a caller, for up to 30s. `request`: this one request only. */
  readonly bind: 'none' | 'request';
}

/** Metrics for Prometheus. */
export interface MetricsConfig {
  /** Serves metrics. */
  readonly enabled: boolean;
  /** Where they are served. */
  readonly path: string;
  /** Who may read them, and `/health/details`, on the main port, beside this machine itself and keys with the scope `admin`. A separate `admin.port` is open. */
  readonly allowedCidrs: readonly string[];
}

/** The log. */
export interface LoggingConfig {
  /** The least that is logged. `GATEWAY_LOG_LEVEL` is another name for it. */
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** One line of JSON for each event, or lines for people. */
  readonly format: 'json' | 'pretty';
  /** Where it goes. */
  readonly output: 'stdout' | 'file';
  /** The log file, with `output: file`. */
  readonly file: LogFileConfig;
}

/** The log file, with `output: file`. */
export interface LogFileConfig {
  /** Where it is. */
  readonly path: string;
  /** A larger one is put aside and a new one begun. */
  readonly maxSizeBytes: number;
  /** How many are kept aside. */
  readonly maxBackups: number;
  /** How long they are kept. */
  readonly maxAgeMs: number;
}
