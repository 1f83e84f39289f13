// Finds lease rules without effect: rules whose principals are already admitted by a rule of the
// same class that matches at least the same leases. Uses the configuration alone.
import { foldName } from '../../kernel/lease-name.ts';
import type { Config } from '../load/config.ts';
import type { Path } from '../schema/shape.ts';

interface Shadowed {
  readonly path: Path;
  /** Completes "<setting> …". */
  readonly message: string;
}

/** Matching prefix rules are combined, so a longer one may add no principal. */
export function* shadowedRules({ leaseAcl }: Config): Generator<Shadowed> {
  const prefixes = Object.entries(leaseAcl).flatMap(([pattern, principals]) =>
    pattern.length > 1 && pattern.endsWith('*')
      ? [{ pattern, prefix: foldName(pattern.slice(0, -1)), principals }]
      : [],
  );
  const byPrefix = new Map(prefixes.map((rule) => [rule.prefix, rule] as const));
  for (const { pattern, prefix, principals } of prefixes) {
    for (let length = 1; length < prefix.length; length += 1) {
      const wider = byPrefix.get(prefix.slice(0, length));
      if (wider === undefined || !principals.every((principal) => letsIn(wider.principals, principal))) continue;
      const message = `has no effect: ${JSON.stringify(wider.pattern)} matches all of these leases, and allows all principals that this rule lists`;
      yield { path: ['lease_acl', pattern], message };
      break;
    }
  }
}

function letsIn(listed: readonly string[], principal: string): boolean {
  if (listed.includes(principal) || listed.includes('anonymous')) return true;
  return listed.includes('*') && principal !== 'anonymous';
}
