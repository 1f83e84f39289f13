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
  principalForms,
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
  expects: 'a scope: read, write, admin or a custom name',
  check: isScope,
  example: 'read',
});

/** The settings that every entry of a key has, in the configuration and in the keys file. */
export const keyId: z.ZodType = text('The name of the key in `lease_acl`, logs and limits.', {
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
const hashDescription = 'The bcrypt hash of the whole key, created with `portal-gateway keys hash`.';
/** For lists in which the hash is the only way to give the key. */
export const requiredHash: z.ZodType = text(hashDescription, hashAbout);

export const keyPrefix: z.ZodType = text(
  'The first characters of the key, used to look the entry up without trying every hash. `keys hash` fills it in; for keys created elsewhere, use the first 8 characters or more.',
  {
    initial: '',
    expects: 'the first 8 to 64 characters of the key',
    check: isKeyPrefix,
    example: 'sk_live_0123456789abcdef',
  },
);

const expiresAt: z.ZodType = text('The key is rejected from this time on.', timestamp);

export const keyTerms: Readonly<Record<string, z.ZodType>> = {
  description: text('The purpose of the key.', {
    initial: '',
    expects: 'a text of at most 1024 characters',
    check: anyText,
    example: 'Production',
  }),
  scopes: list(
    'The scopes of the key: `read` (GET, HEAD, OPTIONS), `write` (all other methods), `admin`, and custom scopes.',
    scope,
    {
      initial: ['read', 'write'],
    },
  ),
  not_before: text('The key is rejected before this time.', { ...timestamp, example: '2027-01-01T00:00:00Z' }),
  expires_at: expiresAt,
  allowed_cidrs: list('Client addresses that may use the key. Empty: all.', cidr),
};

const key = entry('KeyConfig', 'An API key: its hash, or the key itself.', {
  id: keyId,
  key_hash: text(hashDescription, { initial: '', ...hashAbout }),
  key_prefix: keyPrefix,
  key: text('The key itself, as an alternative to `key_hash`. It is hashed at load.', {
    initial: '',
    expects: 'a key of 1 to 512 visible ASCII characters',
    check: isKey,
    example: '${API_KEY_1}',
    secret: 'always',
  }),
  ...keyTerms,
});

export const auth: z.ZodType = section('AuthConfig', 'Authentication of callers.', {
  enabled: flag(
    'Requires callers to send a key. Off: every caller is `anonymous`, and `lease_acl` still applies.',
    true,
  ),
  keys: list('The API keys. The environment variable `GATEWAY_API_KEY` adds one with the id `environment`.', key),
  keys_file: path('A file with further keys, managed by `portal-gateway keys` and reloaded when it changes.', {
    optional: true,
    restart: true,
  }),
  cache_ttl: duration(
    'How long a verified key may be unused before it has to be verified again. Does not apply to keys in the format of `portal-gateway keys create`, which stay recognised.',
    {
      initial: '60s',
      min: '1s',
      max: '24h',
    },
  ),
  basic: flag(
    'Accepts a key as the password of `Authorization: Basic`, with any user, and asks for it in 401 responses. For tools that can send nothing else, such as git. Browsers may use it at the host of a lease only, and pages of other origins for links only.',
    false,
  ),
  assertion: section(
    'AssertionConfig',
    'Sends apps a signed JWT that identifies the caller and proves that the request came through the gateway.',
    {
      enabled: flag(
        'Sends `X-Gateway-Assertion` with every request, and publishes the keys at /.well-known/portal-gateway/jwks.json.',
        false,
      ),
    },
  ),
  forward_credential: flag('Forwards the credential that the gateway used to the app instead of removing it.', false),
});

export const leaseAcl: z.ZodType = map(
  'Which principals may call which leases: maps a pattern (`name`, `prefix-*`, `*` or a lease id) to a list of principals. The most specific kind of matching pattern applies. Principals that are not listed are denied.',
  { expects: 'a lease name, a lease id, a prefix-* or *', check: isLeasePattern },
  list(
    'The principals that may call these leases.',
    text('A principal.', {
      expects: principalForms,
      check: isPrincipal,
      example: 'billing-bot',
    }),
  ),
);

export const ipRules: z.ZodType = ipRulesSection('Client addresses that may call the gateway.');

export function ipRulesSection(description: string): z.ZodType {
  return section('IpRulesConfig', description, {
    allow: list('Addresses to allow. Empty: all addresses that are not denied.', cidr),
    deny: list('Addresses to deny. Takes precedence over `allow`.', cidr),
  });
}
