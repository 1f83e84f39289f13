// Owns policies under test: the defaults, with one key, and what a test has of its own.
import { hash } from 'node:crypto';
import { defaultConfig } from '../../src/config/schema/defaults.ts';
import { policyOf } from '../../src/config/load/policy.ts';
import type { KeyPolicy, LeasePolicy, Policy } from '../../src/policy/policy.ts';
import { markedSecret } from '../secrecy/marks.ts';

export const key: string = markedSecret('test-key');

const endless = { requestsPerSecond: 1e9, burst: 1e9 };
const unlimited = {
  ...{ global: endless, perKey: { default: endless, overrides: {} }, perLease: {}, perTenant: {} },
  ...{ perIp: undefined, costs: [] },
};

/** May do everything, from everywhere, for ever. */
export function testKey(more: Partial<KeyPolicy> = {}): KeyPolicy {
  return {
    ...{ id: 'test', secret: { kind: 'digest', sha256: hash('sha256', key) }, scopes: ['read', 'write'] },
    ...{ notBeforeMs: undefined, expiresAtMs: undefined, allowedCidrs: [] },
    ...more,
  };
}

const unchanged = { set: {}, remove: [] };

/** What a pattern in `leases` sets when it names nothing: the defaults. */
export function testLease(more: Partial<LeasePolicy> = {}): LeasePolicy {
  return {
    ...{ requiredScopes: [], assertion: { bind: 'none' }, ipRules: { allow: [], deny: [] }, credentials: 'gateway' },
    ...{ hostHeader: '', headers: { request: unchanged, response: unchanged }, cors: policyOf(defaultConfig()).cors },
    ...more,
  };
}

type Parts = { readonly [Section in keyof Policy]?: Partial<Policy[Section]> };

/** What is given replaces them: their names are data. */
const maps: ReadonlySet<string> = new Set(['acl', 'leases', 'leasePins']);

/** Sections are merged, not replaced; maps and lists in them are replaced. */
export function testPolicy(parts: Parts = {}): Policy {
  const base: Policy = {
    ...policyOf(defaultConfig()),
    auth: { enabled: true, keys: [testKey()], cacheTtlMs: 60_000, forwardCredential: false },
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
