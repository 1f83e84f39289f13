// Policies for tests: the defaults with one key, plus the test's own settings.
import { hash } from 'node:crypto';
import { defaultConfig } from '../../src/config/schema/defaults.ts';
import { policyOf } from '../../src/config/load/to-policy.ts';
import type { KeyPolicy, LeasePolicy, Policy } from '../../src/policy/policy.ts';
import { markedSecret } from '../secrecy/marks.ts';

export const key: string = markedSecret('test-key');

const endless = { requestsPerSecond: 1e9, burst: 1e9 };
const unlimited = {
  ...{ global: endless, perKey: { default: endless, overrides: {} }, perLease: {}, perTenant: {} },
  ...{ perIp: undefined, costs: [] },
};

/** A key that may do everything, from every address, without expiry. */
export function testKey(more: Partial<KeyPolicy> = {}): KeyPolicy {
  return {
    ...{ id: 'test', secret: { kind: 'digest', sha256: hash('sha256', key) }, scopes: ['read', 'write'] },
    ...{ notBeforeMs: undefined, expiresAtMs: undefined, allowedCidrs: [] },
    ...more,
  };
}

const unchanged = { set: {}, remove: [] };

/** A lease policy with the defaults, as for a pattern in `leases` that sets nothing. */
export function testLease(more: Partial<LeasePolicy> = {}): LeasePolicy {
  return {
    ...{ requiredScopes: [], assertion: { bind: 'none' }, ipRules: { allow: [], deny: [] }, credentials: 'gateway' },
    ...{ hostHeader: '', stripPrefix: true, headers: { request: unchanged, response: unchanged } },
    cors: policyOf(defaultConfig()).cors,
    ...more,
  };
}

type Parts = { readonly [Section in keyof Policy]?: Partial<Policy[Section]> };

/** Maps that are replaced as a whole, because their keys are data. */
const maps: ReadonlySet<string> = new Set(['acl', 'leases', 'leasePins']);

/** Merges sections; replaces the maps and lists in them. */
export function testPolicy(parts: Parts = {}): Policy {
  const base: Policy = {
    ...policyOf(defaultConfig()),
    auth: { enabled: true, keys: [testKey()], cacheTtlMs: 60_000, forwardCredential: false, basic: false },
    acl: { '*': ['*'] },
    rateLimit: unlimited,
  };
  const merged: Record<string, unknown> = { ...base };
  for (const [name, part] of Object.entries(parts)) {
    const section: unknown = base[name as keyof Policy];
    merged[name] = isSection(section) && !maps.has(name) ? { ...section, ...(part as object) } : part;
  }
  return merged as unknown as Policy;
}

function isSection(value: unknown): value is object {
  return typeof value === 'object' && !Array.isArray(value);
}
