// Owns what is made of a policy once and used for every request: patterns, sets, address blocks. A policy carries plain data only, so
// that it can cross threads; each thread compiles its own.
import type { Policy } from './policy.ts';

/** A policy lives for as many requests as there are between two reloads; what is compiled of it lives as long. */
export function compiled<T>(compile: (policy: Policy) => T): (policy: Policy) => T {
  const known = new WeakMap<Policy, T>();
  return (policy) => {
    let value = known.get(policy);
    if (value === undefined) {
      value = compile(policy);
      known.set(policy, value);
    }
    return value;
  };
}
