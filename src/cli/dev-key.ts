// Owns making an API key of the product's form: prefix, key id, secret, and a check that tells a typo without a hash. Knows
// nothing of how keys are verified.
import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const keyIdCharacters = 16;
const secretCharacters = 26;
const checkCharacters = 6; // 62^6 > 2^32

/** `sk_test_`, 16 characters of key id, 26 of secret (155 bits), 6 of check. */
export function createDevKey(): string {
  const body = `sk_test_${randomBase62(keyIdCharacters + secretCharacters)}`;
  return body + checkOf(body);
}

/** CRC-32/ISO-HDLC of everything before it, in base62, left-padded. */
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
