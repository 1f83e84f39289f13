// The mark that secrets in tests carry, so that find-secrets.ts recognizes them in any output.
import { hashSync } from 'bcryptjs';
import { checkOf, createApiKey, prefixCharacters, type KeyKind } from '../../src/auth/api-key.ts';

/** Only letters and digits: fits into a key, a password in a URL, and the salt of a hash. */
export const mark = 'SecretMark7';

const checkCharacters = 6;
const saltCharacters = 22;

/** A password, or a key in a foreign format. */
export function markedSecret(name: string): string {
  return `${name}-${mark}-0123456789`;
}

/** A key in our format, with the mark after its key id. */
export function markedKey(kind: KeyKind): string {
  const random = createApiKey(kind);
  const body =
    random.slice(0, prefixCharacters) + mark + random.slice(prefixCharacters + mark.length, -checkCharacters);
  return body + checkOf(body);
}

/** A bcrypt hash of the lowest accepted cost, with the mark in its salt. */
export function markedHash(key: string): string {
  // The last character holds two bits: a dot is two zeros.
  const salt =
    mark +
    createApiKey('live')
      .slice(prefixCharacters)
      .slice(0, saltCharacters - mark.length - 1);
  return hashSync(key, `$2b$10$${salt}.`);
}
