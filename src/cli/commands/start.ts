// The arguments of `start`. run-start.ts implements it and is loaded on use: --help and a mistyped
// option do not need it.
import { Command } from 'commander';
import { suggestionOf } from '../../config/schema/names.ts';
import { printable } from '../../kernel/printable.ts';
import type { CliContext } from '../context.ts';
import { EarlyHangup } from '../early-hangup.ts';
import { usageFault } from '../fault.ts';
import { portOption, relaysOption, rulesOption } from '../options.ts';
import { caFileHelp } from '../run/relay-trust.ts';
import type { StartOptions } from '../run/run-start.ts';

export function startCommand(context: CliContext): Command {
  return (
    new Command('start')
      .description('Run the gateway. This is the default command.')
      .option(
        '--config <FILE>',
        'the configuration file (default: GATEWAY_CONFIG, else environment variables and defaults only)',
      )
      .option('--host <HOST>', 'the address to listen on (default: GATEWAY_HOST, else 127.0.0.1)')
      .option('--port <N>', 'the port to listen on (default: GATEWAY_PORT, else 8080)', portOption)
      .option(
        '--relay <URL>',
        'the URL of a relay; may be repeated (default: PORTAL_RELAY_URL, else ws://localhost:4017/relay)',
        relaysOption,
      )
      .option('--ca-file <FILE>', `${caFileHelp}; with --relay`)
      .option(
        '--allow <LEASE=PRINCIPAL>',
        'who may call a lease, such as my-app=* for every key; may be repeated; replaces the rule of that lease in LEASE_ACL and in the file',
        rulesOption,
      )
      .addHelpText(
        'after',
        "\nExample:\n  $ GATEWAY_API_KEY=… portal-gateway start --relay wss://relay.example.com/relay --allow 'my-app=*'",
      )
      // As the default command, `start` also receives the names of unknown commands.
      .allowExcessArguments()
      .action(async (options: StartOptions, command: Command) => {
        const [first] = command.args;
        if (first !== undefined) throw usageFault(excessArgument(first, command));
        const hangup = new EarlyHangup();
        const { start } = await import('../run/run-start.ts');
        await start(options, context, hangup);
      })
  );
}

/**
 * The message for an argument that is neither an option nor a command, usually a file or a typing
 * error.
 */
function excessArgument(argument: string, { parent }: Command): string {
  const shown = printable(argument);
  if (/\.ya?ml$/.test(argument))
    return `unknown command "${shown}"; to use it as the configuration file, write --config ${shown}`;
  const commands = parent?.commands.map((command) => command.name()) ?? [];
  const suggestion = suggestionOf(argument, commands);
  return `unknown command "${shown}"${suggestion === '' ? '; see "portal-gateway --help"' : suggestion}`;
}
