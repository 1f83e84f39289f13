// Owns the mark that secrets of tests carry, so that they are known wherever they come out: see find-secrets.ts.
import { hashSync } from 'bcryptjs';
import { checkOf, createApiKey, prefixCharacters, type KeyKind } from '../../src/auth/api-key.ts';

/** Of letters and digits alone: it fits into a key, a password in a URL, and the salt of a hash. */
export const mark = 'SecretMark7';

const checkCharacters = 6;
const saltCharacters = 22;

/** A password, or a key that was made elsewhere. */
export function markedSecret(name: string): string {
  return `${name}-${mark}-0123456789`;
}

/** A key of our form, with the mark behind its key id. */
export function markedKey(kind: KeyKind): string {
  const random = createApiKey(kind);
  const body =
    random.slice(0, prefixCharacters) + mark + random.slice(prefixCharacters + mark.length, -checkCharacters);
  return body + checkOf(body);
}

/** bcrypt of the least cost that is taken, with the mark in its salt. */
export function markedHash(key: string): string {
  // The last character holds two bits: a dot is two zeros.
  const salt =
    mark +
    createApiKey('live')
      .slice(prefixCharacters)
      .slice(0, saltCharacters - mark.length - 1);
  return hashSync(key, `$2b$10$${salt}.`);
}
