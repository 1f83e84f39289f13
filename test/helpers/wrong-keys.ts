// Keys in the gateway's format that are wrong in one respect.
import { checkOf, createApiKey, prefixCharacters } from '../../src/auth/api-key.ts';

const checkCharacters = 6;

/** The id of `key` with the secret of `other` and a matching checksum. */
export function withKeyIdOf(key: string, other: string = createApiKey('live')): string {
  const body = key.slice(0, prefixCharacters) + other.slice(prefixCharacters, -checkCharacters);
  return body + checkOf(body);
}

export function mistyped(key: string): string {
  return key.slice(0, -1) + (key.endsWith('x') ? 'y' : 'x');
}
