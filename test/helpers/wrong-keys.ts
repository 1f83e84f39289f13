// Owns keys of the gateway's own form that are wrong in one way.
import { checkOf, createApiKey, prefixCharacters } from '../../src/auth/api-key.ts';

const checkCharacters = 6;

/** The id of the one key with the secret of the other, and a check that fits. */
export function withKeyIdOf(key: string, other: string = createApiKey('live')): string {
  const body = key.slice(0, prefixCharacters) + other.slice(prefixCharacters, -checkCharacters);
  return body + checkOf(body);
}

export function mistyped(key: string): string {
  return key.slice(0, -1) + (key.endsWith('x') ? 'y' : 'x');
}
