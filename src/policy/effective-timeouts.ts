// The timeouts of a request: those of the policy, or of its first override that matches the lease
// and the path.
import type { Steps } from '../kernel/work/slices.ts';
import { compiledInSteps } from './compiled.ts';
import { LeasePatterns } from './lease-patterns.ts';
import type { Policy, TimeoutOverride, Timeouts, TimeoutsPolicy } from './policy.ts';

interface Override {
  readonly lease: LeasePatterns<true>;
  /** The path to match, exactly or as a prefix. */
  readonly path: string;
  readonly isPrefix: boolean;
  /** Complete: values that the override omits are those of the policy. */
  readonly timeouts: Timeouts;
}

const overridesOf = compiledInSteps(function* ({ timeouts }): Steps<readonly Override[]> {
  const overrides: Override[] = [];
  for (const override of timeouts.overrides) {
    overrides.push(compile(override, timeouts));
    yield;
  }
  return overrides;
});

/** `target`: below the prefix of the lease. Its path is compared byte for byte. */
export function effectiveTimeouts(policy: Policy, id: string, name: string, target: string): Timeouts {
  if (policy.timeouts.overrides.length === 0) return policy.timeouts;
  const query = target.indexOf('?');
  const path = query === -1 ? target : target.slice(0, query);
  const found = overridesOf(policy).find(
    (override) =>
      (override.isPrefix ? path.startsWith(override.path) : path === override.path) &&
      override.lease.find(id, name) !== undefined,
  );
  return found?.timeouts ?? policy.timeouts;
}

function compile({ lease, path, ...own }: TimeoutOverride, general: TimeoutsPolicy): Override {
  const { dialMs, responseHeadersMs, bodyIdleMs, totalMs } = general;
  const isPrefix = path.endsWith('*');
  return {
    lease: new LeasePatterns([[lease, true]]),
    path: isPrefix ? path.slice(0, -1) : path,
    isPrefix,
    timeouts: {
      dialMs: own.dialMs ?? dialMs,
      responseHeadersMs: own.responseHeadersMs ?? responseHeadersMs,
      bodyIdleMs: own.bodyIdleMs ?? bodyIdleMs,
      totalMs: own.totalMs ?? totalMs,
    },
  };
}
