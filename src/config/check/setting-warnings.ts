// Warns about settings that have no effect because another one is off or empty, and about anonymous
// leases that are served only under IP addresses and names of this machine.
import type { Warning } from './access-warnings.ts';
import type { Config, CorsConfig } from '../load/config.ts';
import { isLoopbackHost } from './checks.ts';
import { showPath } from '../schema/names.ts';
import type { Path } from '../schema/shape.ts';

export function* settingWarnings(config: Config): Generator<Warning> {
  const { gateway, quotas } = config;
  if (gateway.forwardHeaders.length > 0 && gateway.trustedProxies.length === 0) {
    const message = 'has no effect without gateway.trusted_proxies: only they may pass these headers';
    yield { path: ['gateway', 'forward_headers'], message };
  }
  yield* unusedCertificates(config);
  yield* unusedOrigins(config);
  const tokens = [...Object.values(quotas.daily), ...Object.values(quotas.monthly)].some(
    ({ llmTokens }) => llmTokens !== undefined,
  );
  if (tokens && quotas.count.length === 0) {
    yield { path: ['quotas', 'count'], message: 'is empty: quotas of llm_tokens count nothing' };
  }
  const { redis } = config.rateLimit.storage;
  if (redis.caFile !== '' && !redis.url.startsWith('rediss:')) {
    const message = 'has no effect: rate_limit.storage.redis.url does not begin with rediss://';
    yield { path: ['rate_limit', 'storage', 'redis', 'ca_file'], message };
  }
  for (const [i, { url, caFile }] of config.portal.relays.entries()) {
    if (caFile === '' || !url.startsWith('ws:')) continue;
    const message = `has no effect: portal.relays[${i}].url does not begin with wss://`;
    yield { path: ['portal', 'relays', i, 'ca_file'], message };
  }
  for (const [pattern, { basic, credentials }] of Object.entries(config.leases)) {
    if (basic !== true || credentials !== 'app') continue;
    const message = `has no effect: leases.${pattern}.credentials is app, which reads X-Gateway-Key only`;
    yield { path: ['leases', pattern, 'basic'], message };
  }
  yield* openLeases(config);
}

function* unusedCertificates({ tls }: Config): Generator<Warning> {
  if (tls.enabled) return;
  const message = 'has no effect while tls.enabled is false: the gateway serves HTTP without TLS';
  if (tls.certFile !== '') yield { path: ['tls', 'cert_file'], message };
  else if (tls.certificates.length > 0) yield { path: ['tls', 'certificates'], message };
}

function* unusedOrigins({ cors, leases }: Config): Generator<Warning> {
  const each: [Path, CorsConfig][] = [[['cors'], cors]];
  for (const [name, lease] of Object.entries(leases)) each.push([['leases', name, 'cors'], lease.cors]);
  for (const [path, { enabled, origins }] of each) {
    if (enabled || origins.length === 0) continue;
    yield { path: [...path, 'origins'], message: `has no effect while ${showPath([...path, 'enabled'])} is false` };
  }
}

/** Clients on other machines usually reach the gateway by a host name. */
function* openLeases({ gateway, leaseAcl }: Config): Generator<Warning> {
  const { host, allowedHosts, publicUrl, baseDomain } = gateway;
  if (isLoopbackHost(host) || allowedHosts.length > 0 || publicUrl !== '' || baseDomain !== '') return;
  for (const [pattern, principals] of Object.entries(leaseAcl)) {
    const i = principals.indexOf('anonymous');
    if (i === -1) continue;
    const message =
      'opens a lease that is served only under IP addresses and loopback names, and other hosts get 421: set gateway.public_url, or list the hosts in gateway.allowed_hosts';
    yield { path: ['lease_acl', pattern, i], message };
    return;
  }
}
