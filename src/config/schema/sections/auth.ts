// The settings of access control: keys, lease rules and IP rules.
import type { z } from 'zod';
import {
  anyText,
  isBcryptHash,
  isKey,
  isKeyName,
  isKeyPrefix,
  isLeasePattern,
  isPrincipal,
  isScope,
  isTimestamp,
} from '../../check/checks.ts';
import { duration, entry, flag, list, map, path, section, text } from '../fields.ts';
import { cidr } from './listeners.ts';

const timestamp = {
  initial: '',
  expects: 'a time as in 2027-12-31T23:59:59Z',
  check: isTimestamp,
  example: '2027-12-31T23:59:59Z',
} as const;

export const scope: z.ZodType = text('A scope.', {
  expects: 'a scope: read, write, admin or a word of your own',
  check: isScope,
  example: 'read',
});

/** The settings that every entry of a key has, in the configuration and in the keys file. */
export const keyId: z.ZodType = text('Its name in `lease_acl`, logs and limits.', {
  expects: 'a name of 1 to 64 letters, digits and . _ - @ +, other than "anonymous"',
  check: isKeyName,
  example: 'billing-bot',
});

const hashAbout = {
  expects: 'a bcrypt hash ($2a$, $2b$ or $2y$) of cost 10 to 14',
  check: isBcryptHash,
  example: '$2b$12$PopRLDJKmUriBAJfx6DNE.PCX09TMYA0EfEUD6JuDVKrWj5liXy7e',
  secret: 'possible',
} as const;
const hashDescription = 'The bcrypt hash of the whole key, as `portal-gateway keys hash` makes it.';
/** For lists in which the hash is the only way to give the key. */
export const requiredHash: z.ZodType = text(hashDescription, hashAbout);

export const keyPrefix: z.ZodType = text(
  'What the key begins with, by which its entry is found. `keys hash` fills it in; for keys made elsewhere, their first 8 characters or more.',
  {
    initial: '',
    expects: 'the first 8 to 64 characters of the key',
    check: isKeyPrefix,
    example: 'sk_live_0123456789abcdef',
  },
);

const expiresAt: z.ZodType = text('It is not valid from this time on.', timestamp);

export const keyTerms: Readonly<Record<string, z.ZodType>> = {
  description: text('What the key is for.', {
    initial: '',
    expects: 'a text of at most 1024 characters',
    check: anyText,
    example: 'Production',
  }),
  scopes: list(
    'What it may do: `read` (GET, HEAD, OPTIONS), `write` (everything else), `admin`, and scopes of your own.',
    scope,
    {
      initial: ['read', 'write'],
    },
  ),
  not_before: text('It is not valid before this time.', { ...timestamp, example: '2027-01-01T00:00:00Z' }),
  expires_at: expiresAt,
  allowed_cidrs: list('Where it may be used from. Empty: from everywhere.', cidr),
};

const key = entry('KeyConfig', 'An API key: its hash, or the key itself.', {
  id: keyId,
  key_hash: text(hashDescription, { initial: '', ...hashAbout }),
  key_prefix: keyPrefix,
  key: text('The key itself, hashed at load; instead of `key_hash`.', {
    initial: '',
    expects: 'a key of 1 to 512 visible ASCII characters',
    check: isKey,
    example: '${API_KEY_1}',
    secret: 'always',
  }),
  ...keyTerms,
});

export const auth: z.ZodType = section('AuthConfig', 'Who may call.', {
  enabled: flag('Asks callers for a key. Off: everyone is `anonymous`, and `lease_acl` still applies.', true),
  keys: list('The keys. `GATEWAY_API_KEY` in the environment adds one, named `environment`.', key),
  keys_file: path('A file of more keys, managed by `portal-gateway keys` and read again when it changes.', {
    optional: true,
    restart: true,
  }),
  cache_ttl: duration(
    'A verified key that is not used for this time is verified again. Keys of the form that `portal-gateway keys create` makes are recognised for good.',
    {
      initial: '60s',
      min: '1s',
      max: '24h',
    },
  ),
  assertion: section('AssertionConfig', 'A signed word to the apps of who calls, by which they know the gateway.', {
    enabled: flag(
      'Sends `X-Gateway-Assertion` with every request, and publishes the keys at /.well-known/portal-gateway/jwks.json.',
      false,
    ),
  }),
  forward_credential: flag('Leaves the credential that the gateway used in the request to the app.', false),
});

export const leaseAcl: z.ZodType = map(
  'Who may call which lease: pattern (`name`, `prefix-*`, `*` or a lease id) to a list of principals. The most specific kind of pattern counts. Nothing listed means denied.',
  { expects: 'a lease name, a lease id, a prefix-* or *', check: isLeasePattern },
  list(
    'Who may.',
    text('A principal.', {
      expects: 'the id of a key, scope:…, * (any with a credential) or anonymous',
      check: isPrincipal,
      example: 'billing-bot',
    }),
  ),
);

export const ipRules: z.ZodType = ipRulesSection('Which addresses may call at all.');

export function ipRulesSection(description: string): z.ZodType {
  return section('IpRulesConfig', description, {
    allow: list('Empty: all that are not denied. Otherwise these only.', cidr),
    deny: list('These not, whatever is allowed.', cidr),
  });
}
