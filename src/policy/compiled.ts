// Makes patterns, sets and address blocks of a policy once, for every request. A policy carries plain data only, so that it can cross
// threads; each thread compiles its own.
import { atOnce, type Steps } from '../kernel/work/slices.ts';
import type { Policy } from './policy.ts';

/** Every compilation of a policy: filled while modules load, and constant from then on. */
const all: ((policy: Policy) => Steps<unknown>)[] = [];

/** For a few values. Anything that grows with the configuration is compiled in steps, see below. */
export function compiled<T>(compile: (policy: Policy) => T): (policy: Policy) => T {
  return compiledInSteps(function* (policy): Steps<T> {
    yield;
    return compile(policy);
  });
}

/**
 * Yields after each small step, since requests are served in between. A policy lives for as many requests as there are between two
 * reloads; what is compiled of it lives as long.
 */
export function compiledInSteps<T>(compile: (policy: Policy) => Steps<T>): (policy: Policy) => T {
  const known = new WeakMap<Policy, { readonly value: T }>();
  function* prepare(policy: Policy): Steps<T> {
    let made = known.get(policy);
    if (made === undefined) {
      made = { value: yield* compile(policy) };
      known.set(policy, made);
    }
    return made.value;
  }
  all.push(prepare);
  return (policy) => {
    const made = known.get(policy);
    return made === undefined ? atOnce(prepare(policy)) : made.value;
  };
}

/** Before the first request that works by the policy: compiling it then would hold up all others. */
export function* compilePolicy(policy: Policy): Steps<void> {
  for (const prepare of all) yield* prepare(policy);
}
