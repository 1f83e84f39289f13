// The arguments of `explain`. run-explain.ts implements it.
import { Command } from 'commander';
import type { CliContext } from '../context.ts';
import type { ExplainOptions } from '../run/run-explain.ts';

export function explainCommand(context: CliContext): Command {
  return new Command('explain')
    .description('Tells which rule decides for a key, a lease, a method and an address, and why.')
    .option('--config <FILE>', 'the configuration file (default: GATEWAY_CONFIG)')
    .option('--key <ID>', 'the id of a key (default: no credential)')
    .requiredOption('--lease <NAME>', 'the name or the id of the lease')
    .option('--id <ID>', 'with a name: the id that it leads to, for rules that name the id')
    .option('--method <METHOD>', 'the method of the request', 'GET')
    .option('--ip <ADDRESS>', 'the address of the client')
    .option('--upgrade', 'the request asks for a WebSocket or another upgrade')
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ portal-gateway explain --config gateway.yaml --key billing-bot --lease my-app --method POST',
    )
    .action(async (options: ExplainOptions) => {
      const { explain } = await import('../run/run-explain.ts');
      await explain(options, context);
    });
}
