// Owns the policy that the commands run with until there is a configuration file: one key or none, and the contract's defaults.
import { createHash } from 'node:crypto';
import type { Policy } from '../policy/policy.ts';

/** Without a key nobody is let in. */
export function policyFor(apiKey: string | undefined): Policy {
  return {
    keyDigests: apiKey === undefined ? [] : [createHash('sha256').update(apiKey).digest('hex')],
    timeouts: { dialMs: 10_000, responseHeadersMs: 60_000, bodyIdleMs: 300_000 },
  };
}
