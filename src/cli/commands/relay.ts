// The arguments of `relay`. run-relay.ts implements it and is loaded on use: --help and a mistyped
// option do not need it.
import { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { defaultRelayPort, listenHostOption, portOption } from '../options.ts';
import type { RelayCommandOptions } from '../run/run-relay.ts';

export function relayCommand(context: CliContext): Command {
  return new Command('relay')
    .description('Run a relay that is wire-compatible with Portal v1, for development and private networks.')
    .option('--host <HOST>', 'the address or host name to listen on', listenHostOption, '127.0.0.1')
    .option('--port <N>', 'the port to listen on', portOption, defaultRelayPort)
    .option('--json', 'print the URL as JSON')
    .addHelpText('after', '\nExample:\n  $ portal-gateway relay --host 0.0.0.0 --port 4017')
    .action(async (options: RelayCommandOptions) => {
      const { relay } = await import('../run/run-relay.ts');
      await relay(options, context);
    });
}
