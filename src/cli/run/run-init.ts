// Implements `init`: writes a minimal configuration, creates the key that it admits, and prints
// the next commands.
import type { Stats } from 'node:fs';
import { type FileHandle, link, lstat, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { isKeyName, isLeasePattern } from '../../config/check/checks.ts';
import { findingLine } from '../../config/source/origin.ts';
import { leaseNameFault } from '../../expose/lease-name-fault.ts';
import { changeKeysFile } from '../../keys/change-keys-file.ts';
import { withCreated } from '../../keys/changes.ts';
import { readKeysFile } from '../../keys/read-keys-file.ts';
import type { StoredKey } from '../../keys/stored-key.ts';
import { systemClock } from '../../kernel/clock.ts';
import { temporaryName, writeNewFile } from '../../kernel/files/new-file.ts';
import { administeredUser } from '../../kernel/files/private-file.ts';
import { ignore } from '../../kernel/ignore.ts';
import { leaseIdIn } from '../../kernel/lease-name.ts';
import { printable } from '../../kernel/printable.ts';
import { codeOf } from '../../kernel/reason.ts';
import type { CliContext } from '../context.ts';
import { CliFault, usageFault } from '../fault.ts';
import { relayFault } from '../options.ts';
import { shellWord } from '../shell-word.ts';
import { keyOutlet } from './key-outlet.ts';
import { newKey } from './run-keys.ts';
import { configText, type InitSettings } from '../init/config-text.ts';
import { canAsk, type Question, withQuestions } from '../init/questions.ts';

export interface InitOptions {
  readonly relay?: string;
  readonly lease?: string;
  readonly key?: string;
  readonly keyFile?: string;
  readonly yes?: boolean;
  readonly force?: boolean;
}

/** Beside the configuration. */
const keysFileName = 'keys.yaml';
const bcryptCost = 12;

export async function init(file: string, options: InitOptions, context: CliContext): Promise<void> {
  if (options.force !== true && (await stat(file).catch(ignore)) !== undefined)
    throw new CliFault(`${printable(file)} exists: name another file, or use --force to replace it`);
  const settings = await settingsOf(options, context);
  const keysFile = join(dirname(file), keysFileName);
  const isNew = settings.caller !== 'anonymous' && !(await hasKey(keysFile, settings.caller));
  const give = isNew ? keyOutlet(options.keyFile, context.terminal, '--key-file') : undefined;
  await writeConfig(file, configText(settings, keysFileName), options.force === true, async () => {
    if (give === undefined) return;
    const { key, secret } = await newKey('live', bcryptCost);
    const stored: StoredKey = {
      ...{ id: settings.caller, ...secret, description: '', scopes: ['read', 'write'], notBefore: '', expiresAt: '' },
      ...{ allowedCidrs: [], createdAt: new Date(systemClock.wallMs()).toISOString(), previous: [] },
    };
    await give(key, () => changeKeysFile(keysFile, [], (keys) => withCreated(keys, stored)));
  });
  for (const line of report(file, settings, { keysFile, isNew, keyFile: options.keyFile }))
    context.terminal.note(printable(line, 1000));
}

async function settingsOf(options: InitOptions, context: CliContext): Promise<InitSettings> {
  const initial = context.environment().relayUrl;
  const questions = {
    relay: { text: 'URL of the relay where the app is published', initial, fault: relayFault },
    lease: { text: 'Name of the lease to call', initial: 'my-app', fault: leaseFault },
    key: { text: 'Id of a new key that may call it, or anonymous for everyone', initial: 'my-key', fault: callerFault },
  } as const satisfies Record<string, Question>;
  const names = ['relay', 'lease', 'key'] as const;
  for (const name of names) {
    const why = options[name] === undefined ? undefined : questions[name].fault(options[name]);
    if (why !== undefined) throw usageFault(`--${name}: ${why}`);
  }
  const missing = names.filter((name) => options[name] === undefined);
  const given = { relay: options.relay ?? '', lease: options.lease ?? '', key: options.key ?? '' };
  if (missing.length > 0 && options.yes !== true && !canAsk()) {
    const flags = missing.map((name) => `--${name}`).join(', ');
    throw usageFault(`there is no terminal to ask for ${flags}: use these options, or --yes for their defaults`);
  }
  if (options.yes === true) for (const name of missing) given[name] = questions[name].initial;
  else if (missing.length > 0) {
    await withQuestions(context.signal, async (ask) => {
      for (const name of missing) given[name] = await ask(questions[name]);
    });
  }
  // A bad PORTAL_RELAY_URL is the default of --relay.
  const why = relayFault(given.relay);
  if (why !== undefined) throw new CliFault(`PORTAL_RELAY_URL: ${why}`);
  return { relay: given.relay, lease: given.lease, caller: given.key };
}

/** Narrower than lease_acl: a name that `expose` publishes. */
function leaseFault(text: string): string | undefined {
  if (isLeasePattern(text) !== true) return 'it must be a lease name, a lease id, a prefix-* or *';
  const name = text.replace(/\*$/, '');
  return name === '' || leaseIdIn(text) !== undefined ? undefined : leaseNameFault(name);
}

function callerFault(text: string): string | undefined {
  if (text === 'anonymous' || isKeyName(text) === true) return undefined;
  return 'it must have 1 to 64 letters, digits and . _ - @ +';
}

/** A second `init` keeps the key. */
async function hasKey(keysFile: string, id: string): Promise<boolean> {
  const { keys, faults, missing } = await readKeysFile(keysFile, [], await administeredUser(keysFile));
  const [fault] = missing ? [] : faults;
  if (fault !== undefined) throw new CliFault(printable(findingLine(fault)));
  return keys.some((key) => key.id === id);
}

/** Calls `before` once the text is on the disk under another name: both happen, or neither. */
async function writeConfig(file: string, text: string, force: boolean, before: () => Promise<void>): Promise<void> {
  const temporary = temporaryName(file);
  const replaced = force ? await lstat(file).catch(ignore) : undefined;
  // Whoever owns the directory could otherwise lead this user to any file.
  if (replaced?.isSymbolicLink() === true)
    throw new CliFault(`${printable(file)} is a symbolic link; name the file that it leads to`);
  const fault = (error: unknown): CliFault => {
    const code = codeOf(error) ?? 'unknown error';
    return new CliFault(`${printable(file)} cannot be written: ${writeFaults[code] ?? code}`);
  };
  try {
    const prepare = (opened: FileHandle): Promise<void> => takeOver(opened, replaced);
    // The file holds no secret.
    await writeNewFile(temporary, text, { durable: true, mode: 0o666, prepare }).catch((error: unknown) => {
      throw fault(error);
    });
    await before();
    await (force ? rename(temporary, file) : link(temporary, file)).catch((error: unknown) => {
      throw fault(error);
    });
  } finally {
    await unlink(temporary).catch(ignore);
  }
}

/**
 * The gateway may run as another user, who must still be able to read the file. On the open file,
 * since its name may be another file's by now.
 */
async function takeOver(file: FileHandle, replaced: Stats | undefined): Promise<void> {
  if (replaced === undefined) return;
  if (process.getuid?.() === 0) await file.chown(replaced.uid, replaced.gid);
  await file.chmod(replaced.mode & 0o777);
}

const writeFaults: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write to its directory',
  EEXIST: 'it exists by now; name another file, or use --force to replace it',
  EISDIR: 'it is a directory',
  ENOENT: 'its directory does not exist; create it first',
  EROFS: 'the file system is read-only',
};

interface Written {
  readonly keysFile: string;
  readonly isNew: boolean;
  readonly keyFile: string | undefined;
}

function* report(file: string, { relay, lease, caller }: InitSettings, written: Written): Generator<string> {
  const { keysFile, isNew, keyFile } = written;
  yield `Wrote ${file}.`;
  if (isNew) {
    const where = keyFile === undefined || keyFile === '-' ? 'It is shown only once.' : `It is in ${keyFile}.`;
    yield `Added the key "${caller}" to ${keysFile}. ${where}`;
  } else if (caller !== 'anonymous') yield `${keysFile} already has the key "${caller}", which is unchanged.`;
  yield 'Next:';
  if (isLocal(relay)) yield '  portal-gateway relay    # a relay on this machine, in a terminal of its own';
  if (!lease.includes('*') && leaseIdIn(lease) === undefined)
    yield `  portal-gateway expose 3000 --name ${shellWord(lease)} --relay ${shellWord(relay)}    # the app on port 3000`;
  yield `  portal-gateway start --config ${shellWord(file)}`;
  if (lease.includes('*')) return;
  const key = !isNew || keyFile === undefined || keyFile === '-' ? 'KEY' : `$(cat ${shellWord(keyFile)})`;
  const credential = caller === 'anonymous' ? '' : `-H "Authorization: Bearer ${key}" `;
  yield `  curl ${credential}http://127.0.0.1:8080/peer/${encodeURIComponent(lease)}/`;
}

function isLocal(relay: string): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(URL.parse(relay)?.hostname ?? '');
}
