// Compiles the patterns, sets and address blocks of a policy once, for all requests. A policy is
// plain data, so that it can be sent between threads; each thread compiles its own.
import { atOnce, type Steps } from '../kernel/work/slices.ts';
import type { Policy } from './policy.ts';

/**
 * Every registered compilation of a policy: filled while modules load, and constant from then on.
 */
const all: ((policy: Policy) => Steps<unknown>)[] = [];

/** For a few values. Use compiledInSteps() for anything that grows with the configuration. */
export function compiled<T>(compile: (policy: Policy) => T): (policy: Policy) => T {
  return compiledInSteps(function* (policy): Steps<T> {
    yield;
    return compile(policy);
  });
}

/**
 * Yields after each small step, because requests are served in between. The compiled value lives as
 * long as its policy, which is used until the next reload.
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

/**
 * Runs before the first request that uses the policy: compiling it then would delay all
 * other requests.
 */
export function* compilePolicy(policy: Policy): Steps<void> {
  for (const prepare of all) yield* prepare(policy);
}
