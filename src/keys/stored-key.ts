// The format of the keys file: its schema, its types, and the policies of an entry. Reads and
// writes nothing.
import { z } from 'zod';
import { withMeta } from '../config/schema/field-meta.ts';
import type { KeyConfig } from '../config/load/config.ts';
import { isTimestamp } from '../config/check/checks.ts';
import { entry, list, text, wholeNumber } from '../config/schema/fields.ts';
import { keyPolicyOf } from '../config/load/to-policy.ts';
import { keyId, keyPrefix, keyTerms, requiredHash } from '../config/schema/sections/auth.ts';
import { type SectionShape, shapeOf } from '../config/schema/shape.ts';
import type { KeyPolicy } from '../policy/policy.ts';

export interface StoredKey extends Omit<KeyConfig, 'key'> {
  readonly createdAt: string;
  /** Keys that rotation replaced; each works until its own `expiresAt`. */
  readonly previous: readonly PreviousKey[];
}

export interface PreviousKey {
  readonly keyHash: string;
  readonly keyPrefix: string;
  readonly expiresAt: string;
}

const time = {
  expects: 'a time as in 2027-12-31T23:59:59Z',
  check: isTimestamp,
  example: '2027-12-31T23:59:59Z',
} as const;

const storedKey = entry('StoredKey', 'An API key.', {
  id: keyId,
  key_hash: requiredHash,
  key_prefix: keyPrefix,
  ...keyTerms,
  created_at: text('When the key was created or last rotated.', { initial: '', ...time }),
  previous: list(
    'The keys that it replaced and that still work.',
    entry('PreviousKey', 'A key that was replaced.', {
      key_hash: requiredHash,
      key_prefix: keyPrefix,
      expires_at: text('The key is rejected from this time on.', time),
    }),
  ),
});

export const keysFileSchema: z.ZodType = withMeta(
  z.strictObject({
    version: wholeNumber('The version of the file format.', { initial: 1, min: 1, max: 1 }),
    keys: list('The keys.', storedKey),
  }),
  { description: 'API keys, managed by `portal-gateway keys`.', expects: 'a map', typeName: 'KeysFile' },
);

function rootShape(): SectionShape {
  const shape = shapeOf(keysFileSchema);
  if (shape.kind !== 'section') throw new TypeError('the keys file is not a map');
  return shape;
}

export const keysFileShape: SectionShape = rootShape();

/** The key as an entry of the configuration. */
export function asConfig(key: StoredKey): KeyConfig {
  return { ...key, key: '' };
}

/** One policy for the key, and one for each previous key. */
export function keyPolicies(key: StoredKey): KeyPolicy[] {
  const current = keyPolicyOf(asConfig(key));
  return [
    current,
    ...key.previous.map(({ keyHash, keyPrefix, expiresAt }): KeyPolicy => {
      const graceEndMs = Date.parse(expiresAt);
      return {
        ...current,
        secret: { kind: 'bcrypt', bcrypt: keyHash, prefix: keyPrefix },
        // The grace period never extends a previous key beyond the key that replaced it.
        expiresAtMs: Math.min(graceEndMs, current.expiresAtMs ?? graceEndMs),
      };
    }),
  ];
}
