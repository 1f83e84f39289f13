// The format of the API keys that the gateway generates: creates a key, and detects typos by its
// checksum before any hash is computed. Keeps no list of keys.
import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { isOwnKey, type KeyInText, ownKeysIn } from '../kernel/api-key-format.ts';

export type KeyKind = 'live' | 'test';

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const handleCharacters = 16;
const secretCharacters = 26; // 155 bits
const checkCharacters = 6; // 62^6 > 2^32

/** `sk_live_` and the key id: enough to look an entry up, and not secret. */
export const prefixCharacters: number = 'sk_live_'.length + handleCharacters;

/**
 * `foreign`: any other format. `ours`: the gateway's format with a valid checksum. `mistyped`: the
 * gateway's format with a wrong checksum.
 */
export type KeyForm = 'foreign' | 'ours' | 'mistyped';

export function keyFormOf(key: string): KeyForm {
  if (!isOwnKey(key)) return 'foreign';
  return checkOf(key.slice(0, -checkCharacters)) === key.slice(-checkCharacters) ? 'ours' : 'mistyped';
}

/** Whether a key in the gateway's own format stands anywhere in the text. */
export function hasOwnKeyIn(text: string): boolean {
  return ownKeysIn(text).some(isKeyInText);
}

/** Whether it is meant as a key of a gateway, and not the beginning of another token. */
export function isKeyInText({ key, isWhole }: KeyInText): boolean {
  return isWhole || keyFormOf(key) === 'ours';
}

/** `sk_live_`, 16 characters of key id, 26 of secret, 6 of checksum. */
export function createApiKey(kind: KeyKind): string {
  const body = `sk_${kind}_${randomBase62(handleCharacters + secretCharacters)}`;
  return body + checkOf(body);
}

/**
 * CRC-32/ISO-HDLC of everything before it, in base62, left-padded. It only detects typos and
 * protects no secret.
 */
export function checkOf(body: string): string {
  let rest = crc32(body);
  let check = '';
  while (rest > 0) {
    check = base62.charAt(rest % 62) + check;
    rest = Math.floor(rest / 62);
  }
  return check.padStart(checkCharacters, '0');
}

function randomBase62(characters: number): string {
  let text = '';
  for (let i = 0; i < characters; i += 1) text += base62.charAt(randomInt(base62.length));
  return text;
}
