// Implements `keys hash`: turns a key from stdin into a configuration entry. The key is not stored.
import process from 'node:process';
import { bcryptHash } from '../../auth/bcrypt/bcrypt.ts';
import { stringify } from 'yaml';
import { keyFormOf, prefixCharacters } from '../../auth/api-key.ts';
import { maxKeyBytes } from '../../auth/bcrypt/bcrypt-hash.ts';
import { isKey } from '../../config/check/checks.ts';
import { isGuessable } from '../../config/check/weak-keys.ts';
import type { CliContext } from '../context.ts';
import { CliFault } from '../fault.ts';

export interface HashOptions {
  readonly id: string;
  readonly cost: number;
  readonly json?: boolean;
}

const foreignPrefixCharacters = 8;
/** The prefix of a shorter key would reveal too much of it. */
const shortestPrefixedKey = 3 * foreignPrefixCharacters;

export async function hashKey({ id, cost, json }: HashOptions, { terminal }: CliContext): Promise<void> {
  const key = (await stdinText()).replace(/\r?\n$/, '');
  const form = keyFormOf(key);
  if (key === '') throw new CliFault('there is no key on stdin; pipe one in, as in: portal-gateway keys hash < FILE');
  if (isKey(key) !== true)
    throw new CliFault('the input on stdin is not a key: it must be one line of visible ASCII characters');
  if (Buffer.byteLength(key) > maxKeyBytes)
    throw new CliFault(`the key is longer than ${maxKeyBytes} bytes, and bcrypt ignores the rest: use a shorter one`);
  if (form === 'mistyped')
    throw new CliFault('the key is mistyped: its last characters do not match the others; copy it again');
  const prefix = form === 'ours' ? key.slice(0, prefixCharacters) : foreignPrefix(key);
  const entry = { id, key_hash: await bcryptHash(key, cost), ...(prefix !== '' && { key_prefix: prefix }) };
  terminal.result(json === true ? JSON.stringify(entry) : stringify([entry], { lineWidth: 0 }).trimEnd());
  if (isGuessable(key))
    terminal.note('warning: the key is easy to guess: use a random one, such as "portal-gateway keys create" makes');
  if (prefix === '')
    terminal.note('The key is short, so the entry has no key_prefix; at most 4 such entries are allowed.');
}

function foreignPrefix(key: string): string {
  return key.length < shortestPrefixedKey ? '' : key.slice(0, foreignPrefixCharacters);
}

async function stdinText(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk as string;
    if (text.length > 8192) break;
  }
  return text;
}
