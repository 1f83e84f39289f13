// Warns about keys and lease rules that are probably not intended: rules that admit no caller,
// unknown principals, hashes with different costs. Uses the configuration alone, without the keys
// of auth.keys_file.
import { leaseKey } from '../../kernel/lease-name.ts';
import type { Config } from '../load/config.ts';
import { boundedSuggestions } from '../schema/names.ts';
import type { Path } from '../schema/shape.ts';

export interface Warning {
  readonly path: Path;
  /** Completes "<setting> …". */
  readonly message: string;
}

export function* accessWarnings({ auth, leaseAcl }: Config): Generator<Warning> {
  if (Object.values(leaseAcl).every((principals) => principals.length === 0)) {
    const who = auth.enabled ? '*' : 'anonymous';
    const message = `allows no caller: every request to a lease gets 403; to open the lease my-app to ${auth.enabled ? 'every key' : 'everyone'}, write lease_acl: { my-app: ["${who}"] } in the configuration file, or set LEASE_ACL='my-app=${who}', or start with --allow 'my-app=${who}'`;
    yield { path: ['lease_acl'], message };
  }
  yield* strangers(auth, leaseAcl);
  yield* names(leaseAcl);
  yield* prefixes(auth);
  const costs = [...new Set(auth.keys.flatMap(({ keyHash }) => (keyHash === '' ? [] : [keyHash.slice(4, 6)])))].sort();
  if (costs.length > 1) {
    const message = `have bcrypt hashes of different costs (${costs.join(' and ')}), so the time to reject a wrong key reveals something about the valid ones; hash all keys at one cost`;
    yield { path: ['auth', 'keys'], message };
  }
}

/** The same as the limit for keys without a prefix. */
const maxPerPrefix = 4;

/** The message omits the prefix, because it is the beginning of a key. */
function* prefixes({ keys }: Config['auth']): Generator<Warning> {
  const hashed = keys.flatMap(({ keyHash, keyPrefix }, i) =>
    keyHash !== '' && keyPrefix !== '' ? [{ keyPrefix, i }] : [],
  );
  for (const alike of Map.groupBy(hashed, ({ keyPrefix }) => keyPrefix).values()) {
    const [first] = alike;
    if (first === undefined || alike.length <= maxPerPrefix) continue;
    const message = `is shared by ${alike.length} keys, so a wrong key with this prefix is verified against each of them; use longer prefixes`;
    yield { path: ['auth', 'keys', first.i, 'key_prefix'], message };
  }
}

const toAdd = '; add it with "portal-gateway keys create", or correct the id';

/**
 * Principals that match no key. Skipped with a keys file, whose keys are not known here; subjects
 * and tenants come from elsewhere.
 */
function* strangers(auth: Config['auth'], leaseAcl: Config['leaseAcl']): Generator<Warning> {
  if (!auth.enabled || auth.keysFile !== '') return;
  const ids = new Set(auth.keys.map(({ id }) => id));
  const known = new Set([...ids, 'anonymous']);
  const scopes = new Set(auth.keys.flatMap((key) => key.scopes));
  const suggestionOf = boundedSuggestions();
  for (const [pattern, principals] of Object.entries(leaseAcl)) {
    for (const [i, principal] of principals.entries()) {
      const path: Path = ['lease_acl', pattern, i];
      if (principal.startsWith('scope:')) {
        const scope = principal.slice('scope:'.length);
        if (!scopes.has(scope)) yield { path, message: `is a scope that no key has${suggestionOf(scope, scopes)}` };
      } else if (principal !== '*' && principal !== 'anonymous' && !principal.includes(':') && !ids.has(principal)) {
        yield { path, message: `names a key that does not exist${suggestionOf(principal, known) || toAdd}` };
      }
    }
  }
}

function* names(leaseAcl: Config['leaseAcl']): Generator<Warning> {
  const first = new Map<string, string>();
  for (const pattern of Object.keys(leaseAcl)) {
    const path: Path = ['lease_acl', pattern];
    const [separator] = /[\s,]/u.exec(pattern) ?? [];
    if (separator !== undefined) {
      const message = `is a rule for one lease with ${separator === ',' ? 'a comma' : 'a space'} in its name, and "portal-gateway expose" publishes no lease of such a name; to allow several leases, write a rule for each`;
      yield { path, message };
    }
    const name = leaseKey(pattern);
    const before = first.get(name);
    if (before === undefined) first.set(name, pattern);
    else yield { path, message: `is the same as ${JSON.stringify(before)}: the two lists are combined` };
  }
}
