// Derives the policy of the data plane from the configuration. The policy has digests of keys
// instead of the keys.
import { atOnce, type Steps } from '../../kernel/work/slices.ts';
import type { KeyPolicy, KeySecret, Policy, RatePolicy } from '../../policy/policy.ts';
import type { Config, KeyConfig } from './config.ts';
import { digestOf } from './digested-keys.ts';

/** `moreKeys`: from other sources, such as the keys file. */
export function policyOf(config: Config, moreKeys: readonly KeyPolicy[] = []): Policy {
  return atOnce(policySteps(config, moreKeys));
}

/** The same in steps, one for each key. */
export function* policySteps(config: Config, moreKeys: readonly KeyPolicy[] = []): Steps<Policy> {
  const { gateway, auth, timeouts, cors, leases, portal, metrics } = config;
  const keys: KeyPolicy[] = [];
  for (const key of auth.keys) {
    keys.push(keyPolicyOf(key));
    yield;
  }
  for (const key of moreKeys) {
    keys.push(key);
    yield;
  }
  return {
    auth: {
      enabled: auth.enabled,
      keys,
      cacheTtlMs: auth.cacheTtlMs,
      forwardCredential: auth.forwardCredential,
      basic: auth.basic,
    },
    assertion: auth.assertion.enabled ? { issuer: gateway.publicUrl } : undefined,
    acl: config.leaseAcl,
    ipRules: config.ipRules,
    rateLimit: { ...config.rateLimit, perIp: rateOf(config.rateLimit.perIp) },
    quotas: config.quotas,
    shares: config.limits,
    baseDomain: gateway.baseDomain.toLowerCase(),
    trustedProxies: gateway.trustedProxies,
    allowedHosts: gateway.allowedHosts,
    forwardHeaders: gateway.forwardHeaders.map((name) => name.toLowerCase()),
    publicUrl: withoutSlash(gateway.publicUrl),
    publicHost: gateway.publicUrl === '' ? '' : new URL(gateway.publicUrl).host,
    publicOrigin: gateway.publicUrl === '' ? '' : new URL(gateway.publicUrl).origin,
    limits: {
      maxBodyBytes: gateway.maxBodyBytes,
      bodyTimeoutMs: gateway.bodyTimeoutMs,
      readHeaderTimeoutMs: gateway.readHeaderTimeoutMs,
      idleTimeoutMs: gateway.idleTimeoutMs,
      maxConnections: gateway.maxConnections,
      maxConnectionsPerIp: gateway.maxConnectionsPerIp,
      maxInFlight: gateway.maxInFlight,
      maxStreams: gateway.maxStreams,
      queue: gateway.queue,
      minWriteRateBytes: gateway.minWriteRateBytes,
      drainLingerMs: gateway.drainLingerMs,
    },
    timeouts,
    cors,
    leases,
    leasePins: portal.leasePins,
    pool: portal.pool,
    directoryTtlMs: portal.directoryTtlMs,
    nameBinding: portal.nameBinding,
    maxLeases: portal.maxLeases,
    metrics,
  };
}

function withoutSlash(url: string): string {
  return url.endsWith('/') ? url.slice(0, -1) : url;
}

export function keyPolicyOf(key: KeyConfig): KeyPolicy {
  const { id, scopes, notBefore, expiresAt, allowedCidrs } = key;
  return {
    ...{ id, secret: secretOf(key), scopes, allowedCidrs },
    ...{ notBeforeMs: timeOf(notBefore), expiresAtMs: timeOf(expiresAt) },
  };
}

function secretOf(key: KeyConfig): KeySecret {
  const sha256 = digestOf(key);
  return sha256 === undefined
    ? { kind: 'bcrypt', bcrypt: key.keyHash, prefix: key.keyPrefix }
    : { kind: 'digest', sha256 };
}

function timeOf(timestamp: string): number | undefined {
  return timestamp === '' ? undefined : Date.parse(timestamp);
}

function rateOf({ requestsPerSecond, burst }: Partial<RatePolicy>): RatePolicy | undefined {
  if (requestsPerSecond === undefined || burst === undefined) return undefined;
  return { requestsPerSecond, burst };
}
