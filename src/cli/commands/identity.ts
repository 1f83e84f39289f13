// Implements `identity`: shows the gateway's id for apps, and creates a new identity on request.
// Never shows the private key.
import { lstat, rename } from 'node:fs/promises';
import { Command } from 'commander';
import { gatewayIdentityPath } from '../../config/source/state-directory.ts';
import { loadOrCreateIdentity } from '../../portal/identity-file.ts';
import { printableJson } from '../../kernel/printable.ts';
import { systemClock } from '../../kernel/clock.ts';
import { CliFault } from '../fault.ts';
import type { CliContext } from '../context.ts';

interface IdentityOptions {
  readonly new?: boolean;
  readonly identity?: string;
  readonly json?: boolean;
}

export function identityCommand(context: CliContext): Command {
  return new Command('identity')
    .description('Print the id and public key of the gateway. The first call creates them.')
    .option('--new', 'create a new identity; the old file is kept under another name')
    .option('--identity <FILE>', "the identity file (default: identity.pem in the user's state directory)")
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ portal-gateway expose 3000 --name my-app --allow-client "$(portal-gateway identity | head -n 1)"',
    )
    .action((options: IdentityOptions) => identity(options, context));
}

async function identity(options: IdentityOptions, { terminal, environment }: CliContext): Promise<void> {
  const file = options.identity ?? gatewayIdentityPath(environment().stateDirectory);
  if (options.new === true) {
    const kept = await setAside(file);
    if (kept !== undefined) terminal.note(`The previous identity is kept as ${kept}.`);
  }
  const { id, publicKey } = await loadOrCreateIdentity(file);
  const shown = { id, public_key: Buffer.from(publicKey).toString('base64'), file };
  if (options.json === true) {
    terminal.result(printableJson(shown));
    return;
  }
  terminal.result(shown.id);
  terminal.result(shown.public_key);
  terminal.note(`The first line is the id, the second the public key (Ed25519, base64). Both are stored in ${file}.`);
}

/**
 * Renames the old file instead of overwriting it: otherwise one mistyped command would lose access
 * to all apps that admit the old id.
 */
async function setAside(file: string): Promise<string | undefined> {
  const kept = `${file}.${new Date(systemClock.wallMs()).toISOString().replaceAll(':', '')}`;
  try {
    const found = await lstat(file);
    if (found.isDirectory())
      throw new CliFault(`the identity file ${file} is a directory; name a file with --identity`);
    await rename(file, kept);
    return kept;
  } catch (error) {
    if (error instanceof CliFault) throw error;
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new CliFault(`the identity file ${file} cannot be renamed (${code}); check the permissions of its directory`);
  }
}
