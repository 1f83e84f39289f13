// Reads `Authorization: Basic` (RFC 7617). The password is the key; the user is free, because tools
// insist on one.
import { textOf } from './header-text.ts';

/** Base64 of a user and a password that no tool exceeds; keys have at most 512 characters. */
const maxCharacters = 4 * 1024;
const form = /^basic[ \t]+([\w+/-]+={0,2})[ \t]*$/i;

/** Undefined: another scheme, or not the Base64 of a user and a password. */
export function basicPassword(value: string): string | undefined {
  // The length of the scheme's name rules out most other schemes.
  if (value.length > maxCharacters || (value[5] !== ' ' && value[5] !== '\t')) return undefined;
  const encoded = form.exec(value)?.[1];
  if (encoded === undefined) return undefined;
  const bytes = Buffer.from(encoded, 'base64');
  const colon = bytes.indexOf(0x3a);
  return colon === -1 ? undefined : textOf(bytes.subarray(colon + 1));
}
