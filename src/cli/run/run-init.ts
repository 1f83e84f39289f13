// Implements `init`: writes a minimal configuration, creates the key that it admits, and prints
// the next commands. Checks where the files go before it asks or writes anything.
import { dirname, join } from 'node:path';
import { isKeyName, isLeasePattern } from '../../config/check/checks.ts';
import { findingLine } from '../../config/source/origin.ts';
import { leaseNameFault } from '../../expose/lease-name-fault.ts';
import { changeKeysFile, checkKeysPlace } from '../../keys/change-keys-file.ts';
import { withCreated } from '../../keys/changes.ts';
import { readKeysFile } from '../../keys/read-keys-file.ts';
import type { StoredKey } from '../../keys/stored-key.ts';
import { systemClock } from '../../kernel/clock.ts';
import { administeredUser } from '../../kernel/files/private-file.ts';
import { leaseIdIn } from '../../kernel/lease-name.ts';
import { printable, printableJson } from '../../kernel/printable.ts';
import type { CliContext } from '../context.ts';
import { CliFault, usageFault } from '../fault.ts';
import { checkConfigFile, writeConfigFile } from '../init/config-file.ts';
import { configText, type InitSettings } from '../init/config-text.ts';
import { initLines, type InitResult } from '../init/init-result.ts';
import { canAsk, type Question, withQuestions } from '../init/questions.ts';
import { relayFault } from '../options.ts';
import { isKeyFile, type KeyOutlet, keyOutlet } from './key-outlet.ts';
import { newKey } from './run-keys.ts';

export interface InitOptions {
  readonly relay?: string;
  readonly lease?: string;
  readonly key?: string;
  readonly keyFile?: string;
  readonly yes?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Beside the configuration. */
const keysFileName = 'keys.yaml';
const bcryptCost = 12;

/** The answer that needs no key. */
const anonymous = 'anonymous';

export async function init(file: string, options: InitOptions, context: CliContext): Promise<void> {
  const { terminal } = context;
  const force = options.force === true;
  const isJson = options.json === true;
  const questions = questionsOf(context);
  const given = givenOf(options, questions);
  await checkConfigFile(file, force);
  const keysFile = join(dirname(file), keysFileName);
  const outlet = await outletFor(given.key, keysFile, options, context);
  const settings = await settingsOf(given, questions, context);
  const { relay, lease, caller } = settings;
  const isNew = caller !== anonymous && !(await hasKey(keysFile, caller));
  let shown: string | undefined;
  await writeConfigFile(file, configText(settings, keysFileName), force, async () => {
    if (!isNew || outlet === undefined) return;
    const { key, secret } = await newKey('live', bcryptCost);
    const stored: StoredKey = {
      ...{ id: caller, ...secret, description: '', scopes: ['read', 'write'], notBefore: '', expiresAt: '' },
      ...{ allowedCidrs: [], createdAt: new Date(systemClock.wallMs()).toISOString(), previous: [] },
    };
    shown = await outlet(key, () => changeKeysFile(keysFile, [], (keys) => withCreated(keys, stored)));
  });
  const result: InitResult = {
    ...{ file, relay, lease, key_id: caller === anonymous ? null : caller, key_created: isNew },
    keys_file: caller === anonymous ? null : keysFile,
    key_file: isNew && isKeyFile(options.keyFile) ? options.keyFile : null,
    key: shown ?? null,
  };
  if (isJson) terminal.result(printableJson(result));
  else for (const line of initLines(result)) terminal.note(printable(line, 1000));
}

/** Undefined: no key will be made. `id`: undefined if it is still to be asked for. */
async function outletFor(
  id: string | undefined,
  keysFile: string,
  { keyFile, json }: InitOptions,
  { terminal }: CliContext,
): Promise<KeyOutlet | undefined> {
  if (id === anonymous || (id !== undefined && (await hasKey(keysFile, id)))) return undefined;
  await checkKeysPlace(keysFile);
  return keyOutlet({ out: keyFile, json, option: '--key-file' }, terminal);
}

const names = ['relay', 'lease', 'key'] as const;
type Questions = Readonly<Record<(typeof names)[number], Question>>;
type Given = Readonly<Partial<Record<(typeof names)[number], string>>>;

function questionsOf({ environment }: CliContext): Questions {
  const initial = environment().relayUrl;
  return {
    relay: { text: 'URL of the relay where the app is published', initial, fault: relayFault },
    lease: { text: 'Name of the lease to call', initial: 'my-app', fault: leaseFault },
    key: { text: 'Id of a new key that may call it, or anonymous for everyone', initial: 'my-key', fault: callerFault },
  };
}

/** Throws a usage error for an invalid value, and for one that cannot be asked for. */
function givenOf(options: InitOptions, questions: Questions): Given {
  for (const name of names) {
    const why = options[name] === undefined ? undefined : questions[name].fault(options[name]);
    if (why !== undefined) throw usageFault(`--${name}: ${why}`);
  }
  const value = (name: (typeof names)[number]): string | undefined =>
    options[name] ?? (options.yes === true ? questions[name].initial : undefined);
  const given = Object.fromEntries(names.flatMap((name) => (value(name) === undefined ? [] : [[name, value(name)]])));
  const missing = names.filter((name) => given[name] === undefined);
  if (missing.length === 0 || canAsk()) return given;
  const flags = missing.map((name) => `--${name}`).join(', ');
  throw usageFault(`there is no terminal to ask for ${flags}: use these options, or --yes for their defaults`);
}

async function settingsOf(given: Given, questions: Questions, { signal }: CliContext): Promise<InitSettings> {
  const {
    relay = '',
    lease = '',
    key = '',
  } = names.every((name) => given[name] !== undefined)
    ? given
    : await withQuestions(signal, async (ask) => {
        const answers: Partial<Record<(typeof names)[number], string>> = { ...given };
        for (const name of names) answers[name] ??= await ask(questions[name]);
        return answers;
      });
  // A bad PORTAL_RELAY_URL is the default of --relay.
  const why = relayFault(relay);
  if (why !== undefined) throw new CliFault(`PORTAL_RELAY_URL: ${why}`);
  return { relay, lease, caller: key };
}

/** Narrower than lease_acl: a name that `expose` publishes. */
function leaseFault(text: string): string | undefined {
  if (isLeasePattern(text) !== true) return 'it must be a lease name, a lease id, a prefix-* or *';
  const name = text.replace(/\*$/, '');
  return name === '' || leaseIdIn(text) !== undefined ? undefined : leaseNameFault(name);
}

function callerFault(text: string): string | undefined {
  if (text === anonymous || isKeyName(text) === true) return undefined;
  return 'it must have 1 to 64 letters, digits and . _ - @ +';
}

/** A second `init` keeps the key. */
async function hasKey(keysFile: string, id: string): Promise<boolean> {
  const { keys, faults, missing } = await readKeysFile(keysFile, [], await administeredUser(keysFile));
  const [fault] = missing ? [] : faults;
  if (fault !== undefined) throw new CliFault(printable(findingLine(fault)));
  return keys.some((key) => key.id === id);
}
