// Generated from schema.ts by tools/generate-config-docs.ts: the configuration as the gateway works with it. Durations are in
// milliseconds, sizes in bytes, paths absolute; everything is deeply frozen. Look maps up with Object.hasOwn, or compile them.

/** The configuration of Portal Gateway. Only what differs from a default needs to be written. */
export interface Config {
  /** The main listener and its limits. */
  readonly gateway: GatewayConfig;
  /** TLS and HTTP/2 on the main listener. */
  readonly tls: TlsConfig;
  /** A separate listener for health, metrics and details. */
  readonly admin: AdminConfig;
  /** The relays, and the tunnels through them. */
  readonly portal: PortalConfig;
  /** Authentication of callers. */
  readonly auth: AuthConfig;
  /** Which principals may call which leases: maps a pattern (`name`, `prefix-*`, `*` or a lease id) to a list of principals. The most specific kind of matching pattern applies. Principals that are not listed are denied. */
  readonly leaseAcl: Readonly<Record<string, readonly string[]>>;
  /** Client addresses that may call the gateway. */
  readonly ipRules: IpRulesConfig;
  /** Token buckets. A request is charged only if every bucket that applies to it admits it. */
  readonly rateLimit: RateLimitConfig;
  /** Total usage allowed to each key per day and month. Counters survive restarts; with `rate_limit.storage.type: redis`, all gateways share them. */
  readonly quotas: QuotasConfig;
  /** Shares of concurrent requests and streams under contention. Without contention any caller may use the whole capacity. */
  readonly limits: SharesConfig;
  /** How long apps and bodies may take. */
  readonly timeouts: TimeoutsConfig;
  /** Cross-origin requests (CORS), for every lease. */
  readonly cors: CorsConfig;
  /** Settings for some leases, by pattern: `name`, `prefix-*` or `*`. The most specific matching pattern applies. */
  readonly leases: Readonly<Record<string, LeaseConfig>>;
  /** Prometheus metrics. */
  readonly metrics: MetricsConfig;
  /** The log. */
  readonly logging: LoggingConfig;
}

/** The main listener and its limits. */
export interface GatewayConfig {
  /** The address to listen on, or a host name, for all of its addresses. `0.0.0.0` in the container image. */
  readonly host: string;
  /** The port to listen on; 0 picks a free one. */
  readonly port: number;
  /** Also serves each lease at `https://<lease>.<base_domain>/`. Empty: by path only. */
  readonly baseDomain: string;
  /** The gateway's public base URL; used as `iss` in assertions and as the base of `type` in error responses. In path mode an `Origin` equal to it is replaced with the app's. */
  readonly publicUrl: string;
  /** Addresses and blocks whose `X-Forwarded-*`, `Forwarded` and PROXY protocol headers are trusted. The client address is the right-most address in them that is not trusted itself. */
  readonly trustedProxies: readonly string[];
  /** Hosts to serve: names, `*.example.com` or literal addresses, with or without a port; `*` allows any. Requests for other hosts get 421. Empty: any host for requests to leases that require a credential; for leases open to `anonymous` only loopback names, literal IP addresses, the host of `public_url` and names below `base_domain`. */
  readonly allowedHosts: readonly string[];
  /** Headers that a proxy in `trusted_proxies` may pass to apps although they are removed from all other requests, such as `X-Forwarded-User`; whole names only. */
  readonly forwardHeaders: readonly string[];
  /** How long a client may take to send a request head; then 408. */
  readonly readHeaderTimeoutMs: number;
  /** Closes a connection that has had no request for this long. */
  readonly idleTimeoutMs: number;
  /** How long requests in flight may continue after SIGTERM and `drain_delay`; then they get 503 `draining` or are aborted. */
  readonly shutdownGraceMs: number;
  /** How long the gateway keeps listening after SIGTERM, with 503 on `/health/ready`. Set it to the time that load balancers need to stop sending connections. */
  readonly drainDelayMs: number;
  /** How long an idle keep-alive connection stays open after the gateway has stopped listening, to serve one more request. */
  readonly drainLingerMs: number;
  /** The largest request head; a larger one gets 431. A request target of more than half this size gets 414. */
  readonly maxHeaderBytes: number;
  /** The largest request body; a larger one gets 413. Bodies are streamed and never buffered as a whole. */
  readonly maxBodyBytes: number;
  /** The most open client connections; further ones are closed at once. */
  readonly maxConnections: number;
  /** The most open connections of one client address, or of one IPv6 /64. Addresses in `trusted_proxies` are exempt. */
  readonly maxConnectionsPerIp: number;
  /** The most concurrent requests; further ones wait in the queue. At its response head or 101, a stream stops counting here and counts towards `max_streams` instead. */
  readonly maxInFlight: number;
  /** The most concurrent streams and upgraded connections; further ones get 503 `overloaded`. */
  readonly maxStreams: number;
  /** The most requests that wait while `max_in_flight` are in flight; further ones get 503 `overloaded`. */
  readonly queue: number;
  /** The longest pause between two chunks of a request body. */
  readonly bodyTimeoutMs: number;
  /** The lowest rate, in bytes per second, at which a client may read a response, averaged over 30s while data is waiting for it. Responses to slower clients are aborted. Streams are exempt. */
  readonly minWriteRateBytes: number;
  /** Requires every connection to begin with a PROXY protocol version 2 header from one of `trusted_proxies`. */
  readonly proxyProtocol: boolean;
}

/** TLS and HTTP/2 on the main listener. */
export interface TlsConfig {
  /** Enables TLS, and with it HTTP/2. */
  readonly enabled: boolean;
  /** The certificate and its chain (PEM). Reloaded when it changes. */
  readonly certFile: string;
  /** The private key of `cert_file` (PEM). Rejected if other users can read or replace it. */
  readonly keyFile: string;
  /** The lowest TLS version to accept. A change ends existing connections when their requests in flight are complete. */
  readonly minVersion: '1.2' | '1.3';
  /** Requires client certificates issued by these CAs (PEM). Empty: client certificates are not requested. A change ends existing connections when their requests in flight are complete. */
  readonly clientCaFile: string;
  /** Further certificates, selected by the server name that the client sends (SNI). */
  readonly certificates: readonly CertificateConfig[];
}

/** A certificate and its key. */
export interface CertificateConfig {
  /** The certificate and its chain (PEM). */
  readonly certFile: string;
  /** The private key of the certificate (PEM). Rejected if other users can read or replace it. */
  readonly keyFile: string;
}

/** A separate listener for health, metrics and details. */
export interface AdminConfig {
  /** The port for `/health`, `/metrics` and `/health/details`; 0: serves them on the main port. */
  readonly port: number;
}

/** The relays, and the tunnels through them. */
export interface PortalConfig {
  /** Short form of `relays` with one entry. */
  readonly relayUrl: string;
  /** The relays to connect to. */
  readonly relays: readonly RelayConfig[];
  /** The gateway's private key (Ed25519, PEM), usually `file:PATH`. Empty: a file in the user's state directory, created at the first start, or a new identity at each start where no file can be stored. Replicas share one identity. A secret. */
  readonly identity: string;
  /** How often a keepalive is sent to each relay. */
  readonly keepaliveIntervalMs: number;
  /** How long to wait for the response to a keepalive before the relay counts as lost. */
  readonly keepaliveTimeoutMs: number;
  /** Backoff between attempts to reconnect to a lost relay. Attempts have jitter and never stop. */
  readonly reconnect: ReconnectConfig;
  /** The pool of tunnels to each lease. */
  readonly pool: PoolConfig;
  /** How long the list of leases from a relay is cached. */
  readonly directoryTtlMs: number;
  /** Which lease id keeps a name when another id claims it. `first`: the id that had the name keeps it while it is listed. `strict`: a new id must be pinned, or accepted by `portal-gateway leases accept NAME`. */
  readonly nameBinding: 'first' | 'strict';
  /** The most leases used from one relay; further entries of its list are ignored and reported. */
  readonly maxLeases: number;
  /** The largest receive window of a tunnel. A window grows from 256 KiB with the bandwidth and the round trip of its tunnel. */
  readonly maxWindowBytes: number;
  /** The memory by which the receive windows of all tunnels together may grow: half for tunnels in use, half for idle ones. Of either half, the tunnels to one lease take at most half of what other leases leave. */
  readonly windowBudgetBytes: number;
  /** Pins a lease name to an id, so that a relay cannot point the name at another app. */
  readonly leasePins: Readonly<Record<string, string>>;
}

/** A relay. */
export interface RelayConfig {
  /** The URL of the relay, `ws://` or `wss://`. */
  readonly url: string;
  /** CA certificates (PEM) to trust for `wss://` instead of the system's. */
  readonly caFile: string;
}

/** Backoff between attempts to reconnect to a lost relay. Attempts have jitter and never stop. */
export interface ReconnectConfig {
  /** The first delay. */
  readonly initialMs: number;
  /** The longest delay. */
  readonly maxMs: number;
}

/** The pool of tunnels to each lease. */
export interface PoolConfig {
  /** The most idle tunnels to keep open for later requests. */
  readonly maxIdle: number;
  /** The most tunnels in use at once. */
  readonly maxActive: number;
  /** Closes a tunnel that has been idle for this long. */
  readonly idleTimeoutMs: number;
}

/** Authentication of callers. */
export interface AuthConfig {
  /** Requires callers to send a key. Off: every caller is `anonymous`, and `lease_acl` still applies. */
  readonly enabled: boolean;
  /** The API keys. The environment variable `GATEWAY_API_KEY` adds one with the id `environment`. */
  readonly keys: readonly KeyConfig[];
  /** A file with further keys, managed by `portal-gateway keys` and reloaded when it changes. */
  readonly keysFile: string;
  /** How long a verified key may be unused before it has to be verified again. Does not apply to keys in the format of `portal-gateway keys create`, which stay recognised. */
  readonly cacheTtlMs: number;
  /** Sends apps a signed JWT that identifies the caller and proves that the request came through the gateway. */
  readonly assertion: AssertionConfig;
  /** Forwards the credential that the gateway used to the app instead of removing it. */
  readonly forwardCredential: boolean;
}

/** An API key: its hash, or the key itself. */
export interface KeyConfig {
  /** The name of the key in `lease_acl`, logs and limits. */
  readonly id: string;
  /** The bcrypt hash of the whole key, created with `portal-gateway keys hash`. */
  readonly keyHash: string;
  /** The first characters of the key, used to look the entry up without trying every hash. `keys hash` fills it in; for keys created elsewhere, use the first 8 characters or more. */
  readonly keyPrefix: string;
  /** The key itself, as an alternative to `key_hash`. It is hashed at load. A secret. */
  readonly key: string;
  /** The purpose of the key. */
  readonly description: string;
  /** The scopes of the key: `read` (GET, HEAD, OPTIONS), `write` (all other methods), `admin`, and custom scopes. */
  readonly scopes: readonly string[];
  /** The key is rejected before this time. */
  readonly notBefore: string;
  /** The key is rejected from this time on. */
  readonly expiresAt: string;
  /** Client addresses that may use the key. Empty: all. */
  readonly allowedCidrs: readonly string[];
}

/** Sends apps a signed JWT that identifies the caller and proves that the request came through the gateway. */
export interface AssertionConfig {
  /** Sends `X-Gateway-Assertion` with every request, and publishes the keys at /.well-known/portal-gateway/jwks.json. */
  readonly enabled: boolean;
}

/** Client addresses that may call the gateway. */
export interface IpRulesConfig {
  /** Addresses to allow. Empty: all addresses that are not denied. */
  readonly allow: readonly string[];
  /** Addresses to deny. Takes precedence over `allow`. */
  readonly deny: readonly string[];
}

/** Token buckets. A request is charged only if every bucket that applies to it admits it. */
export interface RateLimitConfig {
  /** The bucket that all requests share. */
  readonly global: GlobalRateConfig;
  /** One bucket for each key. */
  readonly perKey: KeyRatesConfig;
  /** One bucket for each lease, by pattern: `name`, `prefix-*` or `*`. The most specific matching pattern applies. */
  readonly perLease: Readonly<Record<string, RateConfig>>;
  /** One bucket for each tenant, by name, or `*` for each of the others. Not supported yet: no caller has a tenant. */
  readonly perTenant: Readonly<Record<string, RateConfig>>;
  /** One bucket for each client address; an IPv6 /64 counts as one address. Not set: no limit. */
  readonly perIp: AddressRateConfig;
  /** Requests that cost more than one token. The first matching entry applies. */
  readonly costs: readonly CostConfig[];
  /** Where the buckets are stored. */
  readonly storage: RateStorageConfig;
}

/** The bucket that all requests share. */
export interface GlobalRateConfig {
  /** Sustained rate: tokens added to the bucket per second. */
  readonly requestsPerSecond: number;
  /** Capacity of the bucket: requests that may arrive at once. */
  readonly burst: number;
}

/** One bucket for each key. */
export interface KeyRatesConfig {
  /** The rate of keys without an override. */
  readonly default: DefaultRateConfig;
  /** Overrides for single keys, by key id. */
  readonly overrides: Readonly<Record<string, RateConfig>>;
}

/** The rate of keys without an override. */
export interface DefaultRateConfig {
  /** Sustained rate: tokens added to the bucket per second. */
  readonly requestsPerSecond: number;
  /** Capacity of the bucket: requests that may arrive at once. */
  readonly burst: number;
}

/** A token bucket. */
export interface RateConfig {
  /** Sustained rate: tokens added to the bucket per second. */
  readonly requestsPerSecond: number;
  /** Capacity of the bucket: requests that may arrive at once. */
  readonly burst: number;
}

/** One bucket for each client address; an IPv6 /64 counts as one address. Not set: no limit. */
export interface AddressRateConfig {
  /** Sustained rate: tokens added to the bucket per second. */
  readonly requestsPerSecond?: number;
  /** Capacity of the bucket: requests that may arrive at once. */
  readonly burst?: number;
}

/** Cost of matching requests, where it is not one token. */
export interface CostConfig {
  /** The leases to match: `name`, `prefix-*` or `*`. */
  readonly lease: string;
  /** The paths below the lease to match: `/path`, `/prefix/*` or `/*`. */
  readonly path: string;
  /** The request method. Empty: all methods. */
  readonly method: string;
  /** Tokens that each matching request takes. */
  readonly cost: number;
}

/** Where the buckets are stored. */
export interface RateStorageConfig {
  /** In this process (`memory`), or shared by all gateways that use the same `redis`. */
  readonly type: 'memory' | 'redis';
  /** The Redis server, for `type: redis`. */
  readonly redis: RedisConfig;
}

/** The Redis server, for `type: redis`. */
export interface RedisConfig {
  /** The URL of the server: `redis://`, `rediss://` (TLS) or `unix://`. For a Redis cluster, any of its nodes. Redis Sentinel is not supported. */
  readonly url: string;
  /** CA certificates (PEM) to trust for `rediss://` instead of the system's. */
  readonly caFile: string;
}

/** Total usage allowed to each key per day and month. Counters survive restarts; with `rate_limit.storage.type: redis`, all gateways share them. */
export interface QuotasConfig {
  /** The time zone in which quota days and months start (at midnight). */
  readonly timeZone: string;
  /** Daily quotas, by key id, or `*` for each of the other keys. */
  readonly daily: Readonly<Record<string, QuotaConfig>>;
  /** Monthly quotas, by key id, or `*` for each of the other keys. */
  readonly monthly: Readonly<Record<string, QuotaConfig>>;
  /** The classes of tokens that `llm_tokens` counts. */
  readonly count: readonly ('input' | 'cache_read' | 'cache_write' | 'output' | 'reasoning')[];
  /** How to charge a language-model response when the app reports no usage. `estimate`: a quarter of the bytes of request and response text. `deny`: further requests of the caller to that lease are rejected until the period ends. `ignore`: nothing. */
  readonly unknownUsage: 'estimate' | 'deny' | 'ignore';
  /** The most tokens that one response is charged, whatever the app reports. */
  readonly maxTokensPerResponse: number;
}

/** The quota of a key for a day or month. A resource that is not set is not limited. */
export interface QuotaConfig {
  /** The most requests. */
  readonly requests?: number;
  /** The most bytes of request and response bodies together. */
  readonly bytes?: number;
  /** The most language-model tokens, as reported in OpenAI- and Anthropic-style responses. */
  readonly llmTokens?: number;
}

/** Shares of concurrent requests and streams under contention. Without contention any caller may use the whole capacity. */
export interface SharesConfig {
  /** The most concurrent requests of one key while more than three quarters of `gateway.max_in_flight` are in use, and the most concurrent streams while more than three quarters of `gateway.max_streams` are. 0: a quarter of each setting. */
  readonly perKeyInFlight: number;
  /** The most concurrent requests of one lease while more than three quarters of `gateway.max_in_flight` are in use, and the most concurrent streams while more than three quarters of `gateway.max_streams` are. 0: a quarter of each setting. */
  readonly perLeaseInFlight: number;
  /** The most concurrent requests of one tenant while more than three quarters of `gateway.max_in_flight` are in use, and the most concurrent streams while more than three quarters of `gateway.max_streams` are. 0: a quarter of each setting. Not supported yet: no caller has a tenant. */
  readonly perTenantInFlight: number;
  /** The most concurrent requests of one client address while more than three quarters of `gateway.max_in_flight` are in use, and the most concurrent streams while more than three quarters of `gateway.max_streams` are. 0: a quarter of each setting. */
  readonly perIpInFlight: number;
}

/** How long apps and bodies may take. */
export interface TimeoutsConfig {
  /** How long connecting to an app through a relay may take; then 504 `dial_timeout`. */
  readonly dialMs: number;
  /** How long the app may take from the end of the request to the first byte of its response; then 504 `headers_timeout`. */
  readonly responseHeadersMs: number;
  /** Aborts a body or stream that makes no progress for this long. */
  readonly bodyIdleMs: number;
  /** How long a request and its response may take in total; then 504 `total_timeout`. Streams are exempt. */
  readonly totalMs: number;
  /** Timeouts for some leases and paths. The first matching entry applies. */
  readonly overrides: readonly TimeoutOverrideConfig[];
}

/** Timeouts for matching requests. A timeout that is not set has its general value. */
export interface TimeoutOverrideConfig {
  /** The leases to match: `name`, `prefix-*` or `*`. */
  readonly lease: string;
  /** The paths below the lease to match: `/path`, `/prefix/*` or `/*`. */
  readonly path: string;
  /** How long connecting to an app through a relay may take; then 504 `dial_timeout`. */
  readonly dialMs?: number;
  /** How long the app may take from the end of the request to the first byte of its response; then 504 `headers_timeout`. */
  readonly responseHeadersMs?: number;
  /** Aborts a body or stream that makes no progress for this long. */
  readonly bodyIdleMs?: number;
  /** How long a request and its response may take in total; then 504 `total_timeout`. Streams are exempt. */
  readonly totalMs?: number;
}

/** Cross-origin requests (CORS), for every lease. */
export interface CorsConfig {
  /** Answers preflight requests before authentication, and adds CORS headers to responses. */
  readonly enabled: boolean;
  /** Origins to allow, as browsers send them, or `*` for any. */
  readonly origins: readonly string[];
  /** Methods to allow in addition to GET, HEAD and POST. */
  readonly methods: readonly string[];
  /** Request headers that pages may send in addition to the safelisted ones, such as `Authorization`, `Content-Type` and `X-Gateway-Key`. */
  readonly headers: readonly string[];
  /** Allows requests with cookies and other browser credentials. For headers that a page sets itself, such as `Authorization`, see `headers`. */
  readonly credentials: boolean;
  /** How long browsers may cache a preflight response. */
  readonly maxAgeMs: number;
}

/** Settings for leases that match the pattern. */
export interface LeaseConfig {
  /** Scopes that a caller must have, all of them, in addition to the one that the method requires. */
  readonly requiredScopes: readonly string[];
  /** Client addresses that may call these leases. */
  readonly ipRules: IpRulesConfig;
  /** Where to read the credential of the caller. `gateway`: `X-Gateway-Key`, `Authorization`, `X-API-Key` or the WebSocket subprotocol. `app`: `X-Gateway-Key` only, so that the others reach the app. */
  readonly credentials: 'gateway' | 'app';
  /** The `Host` that the app sees. Empty: the client's in host mode, the lease's name in path mode. Redirects and cookies that name this host are mapped back to the client's. */
  readonly hostHeader: string;
  /** Changes to headers. */
  readonly headers: LeaseHeadersConfig;
  /** The assertion sent to these leases, where `auth.assertion` is enabled. */
  readonly assertion: LeaseAssertionConfig;
  /** CORS settings that replace the general `cors`, if enabled here. */
  readonly cors: CorsConfig;
}

/** Changes to headers. */
export interface LeaseHeadersConfig {
  /** Changes to the headers of requests to the app. */
  readonly request: HeaderChangesConfig;
  /** Changes to the headers of responses to the client. */
  readonly response: HeaderChangesConfig;
}

/** Changes to the headers of requests to the app. */
export interface HeaderChangesConfig {
  /** Headers to set, replacing any existing value. */
  readonly set: Readonly<Record<string, string>>;
  /** Headers to remove. */
  readonly remove: readonly string[];
}

/** The assertion sent to these leases, where `auth.assertion` is enabled. */
export interface LeaseAssertionConfig {
  /** What an assertion is valid for. `none`: any request of the caller, for up to 30s. `request`: this one request only. */
  readonly bind: 'none' | 'request';
}

/** Prometheus metrics. */
export interface MetricsConfig {
  /** Serves metrics. */
  readonly enabled: boolean;
  /** The path of the metrics. */
  readonly path: string;
  /** Addresses that may read the metrics and `/health/details` on the main port, in addition to this machine and keys with the scope `admin`. A separate `admin.port` has no such restriction. */
  readonly allowedCidrs: readonly string[];
}

/** The log. */
export interface LoggingConfig {
  /** The lowest level to log. Can also be set as `GATEWAY_LOG_LEVEL`. */
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** The format of log lines. `json`: one JSON object per event. `pretty`: text for people. */
  readonly format: 'json' | 'pretty';
  /** Where the log is written. */
  readonly output: 'stdout' | 'file';
  /** The log file, with `output: file`. */
  readonly file: LogFileConfig;
}

/** The log file, with `output: file`. */
export interface LogFileConfig {
  /** The path of the log file. */
  readonly path: string;
  /** Size at which the log file is rotated. */
  readonly maxSizeBytes: number;
  /** The number of rotated files to keep. */
  readonly maxBackups: number;
  /** How long rotated files are kept. */
  readonly maxAgeMs: number;
}
