// The arguments of `validate`. run-validate.ts implements it.
import { Command } from 'commander';
import type { CliContext } from '../context.ts';
import type { ValidateOptions } from '../run/run-validate.ts';

export function validateCommand(context: CliContext): Command {
  return new Command('validate')
    .description(
      'Checks the configuration: file, environment and secrets. Prints every fault as FILE:LINE:COL: message.',
    )
    .option(
      '--config <FILE>',
      'the configuration file (default: GATEWAY_CONFIG; without one, environment and defaults)',
    )
    .option('--check-relays', 'connect to every relay, too')
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', '\nExample:\n  $ portal-gateway validate --config gateway.yaml --check-relays')
    .action(async (options: ValidateOptions) => {
      const { validate } = await import('../run/run-validate.ts');
      await validate(options, context);
    });
}
