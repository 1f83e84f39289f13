// Implements `keys create|rotate|revoke|list`: finds the keys file and reports the change. Only
// key-outlet.ts writes the key itself.
import { resolve } from 'node:path';
import { bcryptHash } from '../../auth/bcrypt/bcrypt.ts';
import { createApiKey, prefixCharacters } from '../../auth/api-key.ts';
import type { KeyConfig } from '../../config/load/config.ts';
import { loadConfig } from '../../config/load/load.ts';
import { findingLine } from '../../config/source/origin.ts';
import { changeKeysFile } from '../../keys/change-keys-file.ts';
import { type Secret, stateOf, withCreated, withoutRevoked, withRotated } from '../../keys/changes.ts';
import { readLastUsed } from '../../keys/last-used.ts';
import { readKeysFile } from '../../keys/read-keys-file.ts';
import type { StoredKey } from '../../keys/stored-key.ts';
import { didYouMean } from '../../kernel/near-name.ts';
import { administeredUser } from '../../kernel/files/private-file.ts';
import { printable, printableJson } from '../../kernel/printable.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { CliContext } from '../context.ts';
import { CliFault, failure, usageFault } from '../fault.ts';
import { shellWord } from '../shell-word.ts';
import { isKeyFile, keyOutlet } from './key-outlet.ts';
import { writeTable } from '../table.ts';

export interface KeysOptions {
  readonly config?: string;
  readonly file?: string;
}

interface NewKeyOptions extends KeysOptions {
  readonly expires?: string;
  readonly cost: number;
  readonly out?: string;
  readonly json?: boolean;
}

export interface CreateOptions extends NewKeyOptions {
  readonly test?: boolean;
  readonly description?: string;
  readonly scope?: readonly string[];
  readonly allow?: readonly string[];
  readonly notBefore?: string;
}

export interface RotateOptions extends NewKeyOptions {
  /** In milliseconds. */
  readonly grace: number;
}

/** A generated key, and the data that is stored about it. */
export interface NewKey {
  readonly key: string;
  readonly secret: Secret;
}

const maxDescriptionCharacters = 60;

export async function createKey(id: string, options: CreateOptions, context: CliContext): Promise<void> {
  const give = await keyOutlet(options, context.terminal);
  const { file, others } = await keysFileOf(options, context);
  if (others.some((key) => key.id === id))
    throw new CliFault(`auth.keys of the configuration already has a key "${id}": choose another id`);
  for (const line of nearScopes(options.scope ?? [])) context.terminal.note(`warning: ${line}`);
  const { key, secret } = await newKey(options.test === true ? 'test' : 'live', options.cost);
  const stored: StoredKey = {
    ...{ id, ...secret, description: options.description ?? '', scopes: options.scope ?? ['read', 'write'] },
    ...{ notBefore: options.notBefore ?? '', expiresAt: options.expires ?? '', allowedCidrs: options.allow ?? [] },
    ...{ createdAt: new Date(systemClock.wallMs()).toISOString(), previous: [] },
  };
  const unfiled = await give(key, () => changeKeysFile(file, others, (keys) => withCreated(keys, stored)));
  const lines = [`Added the key "${id}" to ${file}.`, ...nextSteps(id, options)];
  printResult(lines, { ...shown(stored), key: unfiled ?? null }, options, context);
}

export async function rotateKey(id: string, options: RotateOptions, context: CliContext): Promise<void> {
  const give = await keyOutlet(options, context.terminal);
  const { file, others } = await keysFileOf(options, context);
  const before = (await existing(file)).find((stored) => stored.id === id);
  const { key, secret } = await newKey(
    before?.keyPrefix.startsWith('sk_test_') === true ? 'test' : 'live',
    options.cost,
  );
  const { grace: graceMs, expires } = options;
  let rotated: StoredKey | undefined;
  const rotate = (keys: readonly StoredKey[]): readonly StoredKey[] => {
    const nowMs = systemClock.wallMs();
    const after = withRotated(keys, id, {
      secret,
      nowMs,
      graceMs,
      ...(expires !== undefined && { expiresAt: expires }),
    });
    rotated = after.find((stored) => stored.id === id);
    return after;
  };
  const unfiled = await give(key, () => changeKeysFile(file, others, rotate));
  const until = rotated?.previous[0]?.expiresAt;
  const old =
    until === undefined ? 'The previous key is rejected from now on.' : `The previous key works until ${until}.`;
  const lines = [`Replaced the key "${id}". ${placeOf(options)} ${old}`];
  printResult(lines, { ...(rotated && shown(rotated)), key: unfiled ?? null }, options, context);
}

export async function revokeKey(
  id: string,
  options: KeysOptions & { readonly json?: boolean },
  context: CliContext,
): Promise<void> {
  const { terminal } = context;
  const { file, others } = await keysFileOf(options, context);
  // A mistyped file name must not create a file.
  await existing(file);
  await changeKeysFile(file, others, (keys) => withoutRevoked(keys, id));
  if (options.json === true) terminal.result(printableJson({ id, revoked: true }));
  else terminal.note(printable(`Revoked the key "${id}".`));
}

export async function listKeys(options: KeysOptions & { readonly json?: boolean }, context: CliContext): Promise<void> {
  const { file } = await keysFileOf(options, context);
  const keys = await existing(file);
  const lastUsed = await readLastUsed(file);
  const { terminal } = context;
  const rows = keys.map((key) => ({ ...shown(key), last_used: timeText(lastUsed.get(key.id)) }));
  if (options.json === true) terminal.result(printableJson(rows));
  else if (rows.length === 0) terminal.note(printable(`There are no keys in ${file}.`));
  else {
    writeTable(
      ['ID', 'STATE', 'PREFIX', 'SCOPES', 'EXPIRES', 'LAST USED', 'DESCRIPTION'],
      rows.map((row) => [
        row.id,
        row.previous.length === 0 ? row.state : `${row.state}, rotated`,
        row.key_prefix,
        row.scopes.join(' '),
        row.expires_at ?? 'never',
        row.last_used ?? '-',
        printable(row.description, maxDescriptionCharacters),
      ]),
      terminal,
    );
  }
}

/** `others`: the keys in the configuration, if there is one. */
async function keysFileOf(
  options: KeysOptions,
  { signal }: CliContext,
): Promise<{ file: string; others: readonly KeyConfig[] }> {
  if (options.file !== undefined) {
    if (options.config !== undefined) throw usageFault('--file and --config cannot be combined: use one of them');
    return { file: resolve(options.file), others: [] };
  }
  const result = await loadConfig({ file: options.config, signal });
  const config = result.ok ? result.config : result.rest;
  if (config !== undefined && config.auth.keysFile !== '')
    return { file: config.auth.keysFile, others: config.auth.keys };
  const [fault] = result.ok ? [] : result.faults;
  if (fault !== undefined) throw failure(printable(findingLine(fault)), fault);
  throw usageFault('no keys file is configured: name it with --file FILE, or set auth.keys_file and use --config FILE');
}

async function existing(file: string): Promise<readonly StoredKey[]> {
  const { keys, faults } = await readKeysFile(file, [], await administeredUser(file));
  const [fault] = faults;
  if (fault !== undefined) throw new CliFault(printable(findingLine(fault)));
  return keys;
}

export async function newKey(kind: 'live' | 'test', cost: number): Promise<NewKey> {
  const key = createApiKey(kind);
  return { key, secret: { keyHash: await bcryptHash(key, cost), keyPrefix: key.slice(0, prefixCharacters) } };
}

/** The scopes with a meaning of their own; all others are for lease_acl and required_scopes. */
const builtinScopes = ['read', 'write', 'admin'];

function nearScopes(scopes: readonly string[]): string[] {
  return scopes.flatMap((scope) => {
    const meant = builtinScopes.includes(scope) ? undefined : didYouMean(scope, builtinScopes);
    return meant === undefined
      ? []
      : [printable(`--scope ${scope} grants a custom scope, and not ${meant}; did you mean --scope ${meant}?`)];
  });
}

/** Where the key is, after it was shown or written. */
function placeOf({ out }: NewKeyOptions): string {
  return isKeyFile(out) ? `The key is in ${out}, which only you can read.` : 'The key is shown only once.';
}

function nextSteps(id: string, options: NewKeyOptions): string[] {
  const { out } = options;
  const key = isKeyFile(out) ? `$(cat ${shellWord(out)})` : 'KEY';
  return [
    placeOf(options),
    `Next: let it call a lease, as in lease_acl: { my-app: [${/^[\w-]+$/.test(id) ? id : JSON.stringify(id)}] }`,
    `then: curl -H "Authorization: Bearer ${key}" http://127.0.0.1:8080/peer/my-app/`,
  ];
}

/** Lines on stderr, because stdout may carry the key. The key is in JSON if it is in no file. */
function printResult(lines: readonly string[], data: object, options: NewKeyOptions, context: CliContext): void {
  const { terminal } = context;
  if (options.json === true) terminal.result(printableJson(data));
  else for (const line of lines) terminal.note(printable(line, 1000));
}

interface ShownKey {
  readonly id: string;
  readonly state: string;
  readonly key_prefix: string;
  readonly description: string;
  readonly scopes: readonly string[];
  readonly not_before: string | null;
  readonly expires_at: string | null;
  readonly allowed_cidrs: readonly string[];
  readonly created_at: string | null;
  readonly previous: readonly { readonly key_prefix: string; readonly expires_at: string }[];
}

/** Everything but the hash. */
function shown(key: StoredKey): ShownKey {
  const nowMs = systemClock.wallMs();
  return {
    ...{ id: key.id, state: stateOf(key, nowMs), key_prefix: key.keyPrefix, description: key.description },
    ...{ scopes: key.scopes, allowed_cidrs: key.allowedCidrs },
    not_before: key.notBefore === '' ? null : key.notBefore,
    expires_at: key.expiresAt === '' ? null : key.expiresAt,
    created_at: key.createdAt === '' ? null : key.createdAt,
    previous: key.previous
      .filter(({ expiresAt }) => Date.parse(expiresAt) > nowMs)
      .map(({ keyPrefix, expiresAt }) => ({ key_prefix: keyPrefix, expires_at: expiresAt })),
  };
}

function timeText(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
