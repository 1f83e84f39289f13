// The arguments of `start`. run-start.ts implements it and is loaded on use: --help and a mistyped
// option do not need it.
import { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { EarlyHangup } from '../early-hangup.ts';
import {
  configArgument,
  configFlags,
  configHelp,
  portOption,
  relaysOption,
  rulesOption,
  withConfigFile,
} from '../options.ts';
import { caFileHelp } from '../run/relay-trust.ts';
import type { StartOptions } from '../run/run-start.ts';

export function startCommand(context: CliContext): Command {
  return new Command('start')
    .description('Run the gateway. This is the default command.')
    .argument(...configArgument)
    .option(configFlags, configHelp)
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
    .action(async (file: string | undefined, options: StartOptions) => {
      const started = withConfigFile(file, options);
      const hangup = new EarlyHangup();
      const { start } = await import('../run/run-start.ts');
      await start(started, context, hangup);
    });
}
