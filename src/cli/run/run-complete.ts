// Implements the hidden `complete`: lists lease names and key ids for completion scripts. Reads the
// configuration file without resolving its secrets, since a Tab must not contact a secret manager,
// and prints nothing on any failure.
import { dirname, resolve } from 'node:path';
import { readConfigFile } from '../../config/source/read-file.ts';
import { nodeAt, type Sourced } from '../../config/source/sourced.ts';
import { readYaml } from '../../config/source/yaml.ts';
import { connectForLists } from '../../gateway/connect-for-lists.ts';
import { readKeysFile } from '../../keys/read-keys-file.ts';
import { administeredUser } from '../../kernel/files/private-file.ts';
import { distinctName } from '../../kernel/printable.ts';
import type { CandidateKind } from '../completion/completion-model.ts';
import type { CliContext } from '../context.ts';

/** A Tab may wait this long for a relay. */
const relayTimeoutMs = 1_000;
const maxCandidates = 1_000;
/**
 * Names that need no quoting in any shell. A relay may list any text: other names are left out, so
 * that no shell can take part of one for a command.
 */
const plainName = /^[\p{L}\p{N}][\p{L}\p{N}\p{M}_.@+-]{0,127}$/u;

export async function complete(kind: CandidateKind, words: readonly string[], context: CliContext): Promise<void> {
  const given = optionsIn(words);
  const config = given.config ?? context.environment().configFile;
  const root = config === '' ? undefined : await rootOf(config);
  const found = kind === 'keys' ? await keyIds(root, config, given.file) : await leaseNames(root, given.relay, context);
  const names = [...new Set(found)].filter(isPlain).sort();
  for (const name of names.slice(0, maxCandidates)) context.terminal.result(name);
}

/** A name with hidden characters would look like another one. */
function isPlain(name: string): boolean {
  return plainName.test(name) && distinctName(name) === name;
}

interface Given {
  config?: string;
  file?: string;
  relay?: string;
}

const flagNames: Readonly<Record<string, keyof Given>> = {
  '-c': 'config',
  '--config': 'config',
  '--file': 'file',
  '--relay': 'relay',
};

/** The options that say where to look. bash splits `--config=FILE` at the equals sign. */
function optionsIn(words: readonly string[]): Given {
  const given: Given = {};
  for (const [i, word] of words.entries()) {
    const [flag = '', value] = /^(--?\w+)=(.+)$/s.exec(word)?.slice(1) ?? [word];
    const name = Object.hasOwn(flagNames, flag) ? flagNames[flag] : undefined;
    const next = value ?? (words[i + 1] === '=' ? words[i + 2] : words[i + 1]);
    if (name !== undefined && next !== undefined) given[name] = next;
  }
  return given;
}

async function rootOf(file: string): Promise<Sourced | undefined> {
  const reading = await readConfigFile(file);
  return 'text' in reading ? readYaml(reading.text, file).root : undefined;
}

async function keyIds(root: Sourced | undefined, config: string, given: string | undefined): Promise<string[]> {
  const named = root && textAt(root, 'auth', 'keys_file');
  const file = given ?? (named && resolve(dirname(config), named));
  const stored = file === undefined ? [] : (await readKeysFile(file, [], await administeredUser(file))).keys;
  const keys = root && nodeAt(root, ['auth', 'keys']);
  const ids = keys?.kind === 'list' ? keys.items.map((key) => textAt(key, 'id') ?? '') : [];
  return [...stored.map(({ id }) => id), ...ids];
}

async function leaseNames(
  root: Sourced | undefined,
  relay: string | undefined,
  context: CliContext,
): Promise<string[]> {
  const named = ['lease_acl', 'leases'].flatMap((section) => {
    const node = root && nodeAt(root, [section]);
    return node?.kind === 'map' ? [...node.entries.keys()] : [];
  });
  const url = relay ?? (root && firstRelay(root)) ?? context.environment().relayUrl;
  return [...named, ...(await listedNames(url, context.signal))];
}

async function listedNames(url: string, stop: AbortSignal): Promise<string[]> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(relayTimeoutMs)]);
  try {
    const transport = await connectForLists(url, undefined, signal);
    try {
      return (await transport.list(signal)).map(({ name }) => name);
    } finally {
      await transport.close();
    }
  } catch {
    return [];
  }
}

function firstRelay(root: Sourced): string | undefined {
  const relays = nodeAt(root, ['portal', 'relays']);
  const [first] = relays?.kind === 'list' ? relays.items : [];
  return (first && textAt(first, 'url')) ?? textAt(root, 'portal', 'relay_url');
}

function textAt(root: Sourced, ...path: string[]): string | undefined {
  const node = nodeAt(root, path);
  return node?.kind === 'scalar' && typeof node.value === 'string' && node.value !== '' ? node.value : undefined;
}
