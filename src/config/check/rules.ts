// Checks combinations of settings that are valid on their own. Works on a finished configuration
// and names settings by their paths in the file. Does no I/O.
import { foldName, leaseKey } from '../../kernel/lease-name.ts';
import { accessWarnings, type Warning } from './access-warnings.ts';
import { shadowedRules } from './acl-shadows.ts';
import type { Config, CorsConfig, KeyConfig } from '../load/config.ts';
import { isLoopbackHost } from './checks.ts';
import { limitWarnings } from './limit-warnings.ts';
import { settingWarnings } from './setting-warnings.ts';
import { showPath } from '../schema/names.ts';
import type { Path } from '../schema/shape.ts';
import { weakKeys } from './weak-keys.ts';

export interface Broken {
  /** The setting to fix first. */
  readonly path: Path;
  /** Other settings involved: if one of them is faulty itself, this fault is not reported. */
  readonly with: readonly Path[];
  /** Completes "<setting> …". */
  readonly message: string;
}

type Rule = (config: Config) => Iterable<Broken>;

const tls: Rule = function* ({ tls }) {
  const cert: Path = ['tls', 'cert_file'];
  const key: Path = ['tls', 'key_file'];
  const more: Path = ['tls', 'certificates'];
  if (tls.enabled && tls.certFile === '' && tls.keyFile === '' && tls.certificates.length === 0) {
    yield { path: ['tls', 'enabled'], with: [cert, key, more], message: 'needs tls.cert_file and tls.key_file' };
  }
  if (tls.certFile !== '' && tls.keyFile === '') yield { path: cert, with: [key], message: 'needs tls.key_file' };
  if (tls.keyFile !== '' && tls.certFile === '') yield { path: key, with: [cert], message: 'needs tls.cert_file' };
};

const ports: Rule = function* ({ gateway, admin }) {
  if (admin.port !== 0 && admin.port === gateway.port) {
    const other: Path = ['gateway', 'port'];
    yield { path: ['admin', 'port'], with: [other], message: 'must differ from gateway.port, or be 0' };
  }
};

const proxies: Rule = function* ({ gateway }) {
  if (gateway.proxyProtocol && gateway.trustedProxies.length === 0) {
    const proxies: Path = ['gateway', 'trusted_proxies'];
    yield {
      path: ['gateway', 'proxy_protocol'],
      with: [proxies],
      message: 'needs gateway.trusted_proxies: PROXY protocol headers are accepted from these addresses only',
    };
  }
};

const reconnect: Rule = function* ({ portal: { reconnect, pool } }) {
  if (reconnect.initialMs > reconnect.maxMs) {
    const max: Path = ['portal', 'reconnect', 'max'];
    yield {
      path: ['portal', 'reconnect', 'initial'],
      with: [max],
      message: 'must not be more than portal.reconnect.max',
    };
  }
  if (pool.maxIdle > pool.maxActive) {
    const active: Path = ['portal', 'pool', 'max_active'];
    yield {
      path: ['portal', 'pool', 'max_idle'],
      with: [active],
      message: 'must not be more than portal.pool.max_active',
    };
  }
};

const relays: Rule = function* ({ portal: { relays } }) {
  yield* repeated(
    relays.map(({ url }) => url),
    (i) => ['portal', 'relays', i, 'url'],
  );
};

/** In all sources together: each of them costs one bcrypt for every unknown key. */
const maxUnprefixedKeys = 4;

const keys: Rule = function* ({ auth }) {
  yield* keyRules(auth.keys, ['auth', 'keys']);
  yield* prefixRules(auth.keys.map((key, i) => ({ ...key, place: ['auth', 'keys', i] })));
};

/** Checks the keys of one list, which is at `place`. */
export function* keyRules(keys: readonly KeyConfig[], place: Path): Generator<Broken> {
  yield* repeated(
    keys.map(({ id }) => id),
    (i) => [...place, i, 'id'],
  );
  yield* repeated(
    keys.map(({ key }, i) => (key === '' ? `none ${i}` : key)),
    (i) => [...place, i, 'key'],
  );
  yield* repeated(
    keys.map(({ keyHash }, i) => (keyHash === '' ? `none ${i}` : keyHash)),
    (i) => [...place, i, 'key_hash'],
  );
  for (const [i, { key, keyHash, notBefore, expiresAt }] of keys.entries()) {
    const [plain, hashed]: [Path, Path] = [
      [...place, i, 'key'],
      [...place, i, 'key_hash'],
    ];
    if (key === '' && keyHash === '')
      yield { path: [...place, i], with: [plain, hashed], message: 'needs key_hash, or key' };
    if (key !== '' && keyHash !== '')
      yield { path: hashed, with: [plain], message: 'cannot be combined with key: keep one of them' };
    if (notBefore !== '' && expiresAt !== '' && Date.parse(notBefore) >= Date.parse(expiresAt)) {
      const from: Path = [...place, i, 'not_before'];
      yield { path: [...place, i, 'expires_at'], with: [from], message: 'must be later than not_before' };
    }
  }
}

/** An empty `key_hash` needs no prefix. */
interface PlacedHash {
  readonly keyHash: string;
  readonly keyPrefix: string;
  /** The path of the entry. */
  readonly place: Path;
}

/** `others`: the number of unprefixed keys in other sources. */
export function* prefixRules(hashes: readonly PlacedHash[], others = 0): Generator<Broken> {
  for (const { place } of hashes.filter(isUnprefixed).slice(Math.max(0, maxUnprefixedKeys - others))) {
    const message = `is missing: every unknown key is verified against each key without a prefix, so at most ${maxUnprefixedKeys} are allowed; use the first 8 characters of the key or more`;
    yield { path: [...place, 'key_prefix'], with: [], message };
  }
}

export function isUnprefixed({ keyHash, keyPrefix }: Pick<PlacedHash, 'keyHash' | 'keyPrefix'>): boolean {
  return keyHash !== '' && keyPrefix === '';
}

/** Names are compared after NFC normalisation and lower-casing. */
const patterns: Rule = function* ({ leases, portal }) {
  const [patterns, pins] = [Object.keys(leases), Object.keys(portal.leasePins)];
  yield* repeated(patterns.map(leaseKey), (i) => ['leases', patterns[i] ?? '']);
  yield* repeated(pins.map(foldName), (i) => ['portal', 'lease_pins', pins[i] ?? '']);
};

const cors: Rule = function* (config) {
  const each: [Path, CorsConfig][] = [[['cors'], config.cors]];
  for (const [name, lease] of Object.entries(config.leases)) each.push([['leases', name, 'cors'], lease.cors]);
  for (const [path, { enabled, origins, credentials }] of each) {
    const originsPath = [...path, 'origins'];
    if (enabled && origins.length === 0) {
      yield {
        path: [...path, 'enabled'],
        with: [originsPath],
        message: 'needs origins: without one, no origin is allowed',
      };
    }
    if (credentials && origins.includes('*')) {
      const message =
        'cannot be combined with the origin "*": browsers reject it, and every site could act for its visitors';
      yield { path: [...path, 'credentials'], with: [originsPath], message };
    }
  }
};

const logging: Rule = function* ({ logging: { output, file } }) {
  if (output === 'file' && file.path === '') {
    yield { path: ['logging', 'output'], with: [['logging', 'file', 'path']], message: 'needs logging.file.path' };
  }
};

const assertions: Rule = function* ({ auth: { assertion }, gateway, leases }) {
  const enabled: Path = ['auth', 'assertion', 'enabled'];
  if (assertion.enabled && gateway.publicUrl === '') {
    const message = 'needs gateway.public_url, which the assertions name as their issuer';
    yield { path: enabled, with: [['gateway', 'public_url']], message };
  }
  for (const [pattern, lease] of Object.entries(leases)) {
    if (lease.assertion.bind === 'none' || assertion.enabled) continue;
    const message = 'needs auth.assertion.enabled: without it there are no assertions';
    yield { path: ['leases', pattern, 'assertion', 'bind'], with: [enabled], message };
  }
};

const rates: Rule = function* ({ rateLimit: { perIp } }) {
  const [rate, burst]: [Path, Path] = [
    ['rate_limit', 'per_ip', 'requests_per_second'],
    ['rate_limit', 'per_ip', 'burst'],
  ];
  const [given, missing] = perIp.requestsPerSecond === undefined ? [burst, rate] : [rate, burst];
  if ((perIp.requestsPerSecond === undefined) !== (perIp.burst === undefined)) {
    yield { path: given, with: [missing], message: `needs ${missing.join('.')} as well` };
  }
};

/**
 * Callers have no tenants yet. A limit that is silently absent is worse than an error
 * (unsupported.ts).
 */
const tenants: Rule = function* ({ limits, rateLimit: { perTenant } }) {
  const message =
    'is not supported yet: tenants come with a later release, and no caller has one in this version; remove it';
  for (const name of Object.keys(perTenant)) yield { path: ['rate_limit', 'per_tenant', name], with: [], message };
  if (limits.perTenantInFlight !== 0) yield { path: ['limits', 'per_tenant_in_flight'], with: [], message };
};

const quotas: Rule = function* ({ quotas: { daily, monthly } }) {
  for (const [kind, limits] of Object.entries({ daily, monthly })) {
    for (const [name, limit] of Object.entries(limits)) {
      const message = 'limits nothing: it needs requests, bytes or llm_tokens';
      if (Object.keys(limit).length === 0) yield { path: ['quotas', kind, name], with: [], message };
    }
  }
};

const rules: readonly Rule[] = [
  tls,
  ports,
  proxies,
  reconnect,
  relays,
  keys,
  patterns,
  cors,
  assertions,
  rates,
  tenants,
  quotas,
  logging,
];

export function brokenRules(config: Config): Broken[] {
  return rules.flatMap((rule) => [...rule(config)]);
}

/** Warnings: valid settings that are probably not intended. */
export function configWarnings(config: Config): Warning[] {
  const { auth, gateway } = config;
  const warnings = [...accessWarnings(config)];
  const isOpen = Object.values(config.leaseAcl).some((principals) => principals.includes('anonymous'));
  if (auth.enabled && auth.keys.length === 0 && auth.keysFile === '' && !isOpen) {
    const message = 'is empty: every request gets 401; add a key, or set GATEWAY_API_KEY';
    warnings.push({ path: ['auth', 'keys'], message });
  }
  if (!auth.enabled && !isLoopbackHost(gateway.host)) {
    const message = `is off, and gateway.host is ${gateway.host}: everyone who can reach it may call the leases that lease_acl opens to anonymous`;
    warnings.push({ path: ['auth', 'enabled'], message });
  }
  warnings.push(...weakKeys(config));
  warnings.push(...shadowedRules(config));
  warnings.push(...limitWarnings(config));
  warnings.push(...settingWarnings(config));
  return warnings;
}

function* repeated(values: readonly string[], pathOf: (index: number) => Path): Generator<Broken> {
  const first = new Map<string, number>();
  for (const [i, value] of values.entries()) {
    const before = first.get(value);
    if (before === undefined) first.set(value, i);
    // The value is omitted: it may be a key.
    else yield { path: pathOf(i), with: [pathOf(before)], message: `duplicates ${showPath(pathOf(before))}` };
  }
}
