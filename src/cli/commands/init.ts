// The arguments of `init`. run-init.ts implements it and is loaded on use.
import { Command } from 'commander';
import type { CliContext } from '../context.ts';
import type { InitOptions } from '../run/run-init.ts';

export function initCommand(context: CliContext): Command {
  return new Command('init')
    .description('Write a minimal configuration with comments, and create a key. Asks for what no option gives.')
    .argument('[FILE]', 'the file to write', 'gateway.yaml')
    .option(
      '--relay <URL>',
      'the relay where apps are published (default: PORTAL_RELAY_URL, else ws://localhost:4017/relay)',
    )
    .option('--lease <NAME>', 'the lease that may be called (default: my-app)')
    .option(
      '--key <ID>',
      'the id of a new key that may call it; anonymous: everyone may, without a key (default: my-key)',
    )
    .option(
      '--key-file <FILE>',
      'a new file for the key, which only its owner can read; - for stdout (default: the terminal)',
    )
    .option('--yes', 'ask nothing, and use the defaults')
    .option('--force', 'replace an existing file')
    .option('--json', 'print what was written as JSON, and the key unless --key-file names a file')
    .addHelpText(
      'after',
      '\nExample:\n  $ portal-gateway init --relay wss://relay.example.com/relay --lease my-app --key billing-bot --key-file billing-bot.key',
    )
    .action(async (file: string, options: InitOptions) => {
      const { init } = await import('../run/run-init.ts');
      await init(file, options, context);
    });
}
