// The arguments of `keys create|rotate|revoke|list|hash`. run-keys.ts and run-keys-hash.ts
// implement them and are loaded on use: --help and a mistyped option do not need them.
import { Command, InvalidArgumentError } from 'commander';
import { isKeyName, isScope, isTimestamp } from '../../config/check/checks.ts';
import { parseDuration } from '../../config/schema/durations.ts';
import type { TextCheck } from '../../config/schema/fields.ts';
import type { CliContext } from '../context.ts';
import { configFlags } from '../options.ts';
import type { CreateOptions, KeysOptions, RotateOptions } from '../run/run-keys.ts';
import type { HashOptions } from '../run/run-keys-hash.ts';
import { systemClock } from '../../kernel/clock.ts';

export function keysCommand(context: CliContext): Command {
  return new Command('keys')
    .description('Create, rotate, revoke and list API keys. A running gateway picks up changes automatically.')
    .addHelpText('after', '\nExample:\n  $ portal-gateway keys create billing-bot --config gateway.yaml')
    .addCommand(createCommand(context))
    .addCommand(rotateCommand(context))
    .addCommand(revokeCommand(context))
    .addCommand(listCommand(context))
    .addCommand(hashCommand(context));
}

function createCommand(context: CliContext): Command {
  return onFile('create')
    .description('Create a key and show it once.')
    .argument(
      '<ID>',
      'the id of the key, for lease_acl, limits and logs',
      checkedText(isKeyName, 'An id has 1 to 64 letters, digits and . _ - @ +, and is not "anonymous"'),
    )
    .option('--test', 'create a key that begins with sk_test_')
    .option('--description <TEXT>', 'the purpose of the key')
    .option(
      '--scope <SCOPE>',
      'a scope to grant; may be repeated (default: read and write)',
      severalTimes(isScope, 'A scope is read, write, admin or a custom name'),
    )
    .option(
      '--allow <CIDR>',
      'the client addresses that may use the key; may be repeated (default: all)',
      severalTimes(),
    )
    .option('--not-before <TIME>', 'when the key becomes valid: a time, or a duration from now', timeOption)
    .option('--expires <TIME>', 'when the key expires: a time, or a duration from now, such as 2160h', timeOption)
    .option(...costOption)
    .option(...outOption)
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ portal-gateway keys create billing-bot --scope read --expires 2160h --out billing-bot.key',
    )
    .action(async (id: string, options: CreateOptions) => {
      const { createKey } = await import('../run/run-keys.ts');
      await createKey(id, options, context);
    });
}

function rotateCommand(context: CliContext): Command {
  return onFile('rotate')
    .description('Replace a key with a new one, and show it once. Both work for the grace period.')
    .argument('<ID>', 'the id of the key')
    .option(
      '--grace <DURATION>',
      'how long the old key keeps working; 0s: revoke it at once',
      graceOption,
      24 * 3_600_000,
    )
    .option(
      '--expires <TIME>',
      'when the new key expires: a time, or a duration from now (default: unchanged)',
      timeOption,
    )
    .option(...costOption)
    .option(...outOption)
    .option('--json', 'print as JSON')
    .addHelpText('after', '\nExample:\n  $ portal-gateway keys rotate billing-bot --grace 24h')
    .action(async (id: string, options: RotateOptions) => {
      const { rotateKey } = await import('../run/run-keys.ts');
      await rotateKey(id, options, context);
    });
}

function revokeCommand(context: CliContext): Command {
  return onFile('revoke')
    .description('Remove a key and the keys that it replaced; all of them are rejected from now on.')
    .argument('<ID>', 'the id of the key')
    .option('--json', 'print as JSON')
    .addHelpText('after', '\nExample:\n  $ portal-gateway keys revoke billing-bot')
    .action(async (id: string, options: KeysOptions & { readonly json?: boolean }) => {
      const { revokeKey } = await import('../run/run-keys.ts');
      await revokeKey(id, options, context);
    });
}

function listCommand(context: CliContext): Command {
  return onFile('list')
    .description('List the keys in the keys file: id, state, prefix, scopes, expiry, last use, description.')
    .option('--json', 'print as JSON')
    .addHelpText('after', '\nExample:\n  $ portal-gateway keys list --config gateway.yaml')
    .action(async (options: KeysOptions & { readonly json?: boolean }) => {
      const { listKeys } = await import('../run/run-keys.ts');
      await listKeys(options, context);
    });
}

function hashCommand(context: CliContext): Command {
  return new Command('hash')
    .description('Turn a key from stdin into an entry for auth.keys. The key may have been created elsewhere.')
    .option(
      '--id <ID>',
      'the id of the entry',
      checkedText(isKeyName, 'An id has 1 to 64 letters, digits and . _ - @ +, and is not "anonymous"'),
      'my-key',
    )
    .option(...costOption)
    .option('--json', 'print as JSON')
    .addHelpText('after', '\nExample:\n  $ portal-gateway keys hash --id billing-bot < billing-bot.key')
    .action(async (options: HashOptions) => {
      const { hashKey } = await import('../run/run-keys-hash.ts');
      await hashKey(options, context);
    });
}

function onFile(name: string): Command {
  return new Command(name)
    .option(configFlags, 'the configuration file, whose auth.keys_file is used (default: GATEWAY_CONFIG)')
    .option('--file <FILE>', 'the keys file, instead of auth.keys_file');
}

const outOption = [
  '--out <FILE>',
  'a new file for the key, which only its owner can read; - for stdout (default: the terminal)',
] as const;
const costOption = ['--cost <N>', 'the cost of the bcrypt hash, 10 to 14', costNumber, 12] as const;

function costNumber(text: string): number {
  const cost = Number(text);
  if (!/^\d+$/.test(text) || cost < 10 || cost > 14)
    throw new InvalidArgumentError('A cost is a number from 10 to 14.');
  return cost;
}

function checkedText(check: TextCheck, words: string): (text: string) => string {
  return (text) => {
    if (check(text) !== true) throw new InvalidArgumentError(`${words}.`);
    return text;
  };
}

/** Without a check here, the validation of the keys file reports invalid values. */
function severalTimes(
  check: TextCheck = () => true,
  words = '',
): (text: string, earlier?: readonly string[]) => readonly string[] {
  const one = checkedText(check, words);
  return (text, earlier) => [...(earlier ?? []), one(text)];
}

/** A timestamp in the format of the keys file. */
function timeOption(text: string): string {
  if (isTimestamp(text) === true) return text;
  const fromNowMs = parseDuration(text);
  if (fromNowMs === undefined || fromNowMs > maxMs)
    throw new InvalidArgumentError(
      'A time is written as 2027-12-31T23:59:59Z, or as a duration from now in h, m and s, such as 2160h for 90 days.',
    );
  return new Date(systemClock.wallMs() + fromNowMs).toISOString();
}

/** About a century: anything longer is a typing error, and may not be a valid date. */
const maxMs = 100 * 366 * 24 * 3_600_000;
const maxGraceMs = 90 * 24 * 3_600_000;

function graceOption(text: string): number {
  const graceMs = parseDuration(text);
  if (graceMs === undefined || graceMs > maxGraceMs)
    throw new InvalidArgumentError('A grace period is a duration in h, m and s of at most 2160h, such as 24h.');
  return graceMs;
}
