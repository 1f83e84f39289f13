// Owns the step from configuration to policy: what of the configuration the data plane works from. A key leaves it as its digest.
import { hash } from 'node:crypto';
import type { Policy } from '../policy/policy.ts';
import type { Config } from './config.ts';

export function policyOf(config: Config): Policy {
  const { gateway, auth, timeouts, cors, leases, portal, metrics } = config;
  return {
    auth: {
      enabled: auth.enabled,
      keys: auth.keys.map(({ id, key }) => ({ id, digest: hash('sha256', key) })),
    },
    baseDomain: gateway.baseDomain.toLowerCase(),
    trustedProxies: gateway.trustedProxies,
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
    },
    timeouts,
    cors,
    leases,
    leasePins: portal.leasePins,
    pool: portal.pool,
    directoryTtlMs: portal.directoryTtlMs,
    metrics,
  };
}
