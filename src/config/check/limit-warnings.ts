// Warns about limits and quotas that are probably not intended: for unknown keys, costs for unknown
// methods. Uses the configuration alone, without the keys of auth.keys_file.
import type { Warning } from './access-warnings.ts';
import type { Config } from '../load/config.ts';
import { boundedSuggestions } from '../schema/names.ts';
import type { Path } from '../schema/shape.ts';

export function* limitWarnings({ auth, quotas, rateLimit }: Config): Generator<Warning> {
  const known = new Set(['*', ...auth.keys.map(({ id }) => id)]);
  const suggestionOf = boundedSuggestions();
  const places: [place: Path, names: string[], what: string][] = [
    [['rate_limit', 'per_key', 'overrides'], Object.keys(rateLimit.perKey.overrides), 'limit'],
    [['quotas', 'daily'], Object.keys(quotas.daily), 'quota'],
    [['quotas', 'monthly'], Object.keys(quotas.monthly), 'quota'],
  ];
  // Keys of a keys file change at runtime.
  for (const [place, names, what] of auth.keysFile === '' ? places : []) {
    for (const name of names.filter((candidate) => !known.has(candidate))) {
      const message = `is not the id of a key in auth.keys, so this ${what} applies to no key${suggestionOf(name, known)}`;
      yield { path: [...place, name], message };
    }
  }
  for (const [i, { method }] of rateLimit.costs.entries()) {
    // RFC 9110 §9.1: methods are case-sensitive, and all standard ones are in upper case.
    if (method !== method.toUpperCase()) {
      const message = `is not ${method.toUpperCase()}: methods are case-sensitive`;
      yield { path: ['rate_limit', 'costs', i, 'method'], message };
    }
  }
}
