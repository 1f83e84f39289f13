// The arguments of `explain`. run-explain.ts implements it.
import { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { configFlags } from '../options.ts';
import type { ExplainOptions } from '../run/run-explain.ts';

export function explainCommand(context: CliContext): Command {
  return new Command('explain')
    .description('Show which rule allows or denies a request by its key, lease, method and address, and why.')
    .option(configFlags, 'the configuration file (default: GATEWAY_CONFIG)')
    .option('--key <ID>', 'the id of a key (default: no credential)')
    .requiredOption('--lease <NAME>', 'the name or id of the lease')
    .option('--id <ID>', 'with a name: the lease id that it resolves to, for rules that name the id')
    .option('--method <METHOD>', 'the method of the request', 'GET')
    .option('--ip <ADDRESS>', 'the address of the client')
    .option('--upgrade', 'the request is for a WebSocket or another upgrade')
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ portal-gateway explain --config gateway.yaml --key billing-bot --lease my-app --method POST',
    )
    .action(async (options: ExplainOptions) => {
      const { explain } = await import('../run/run-explain.ts');
      await explain(options, context);
    });
}
