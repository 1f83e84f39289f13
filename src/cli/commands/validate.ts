// The arguments of `validate`. run-validate.ts implements it.
import { Command } from 'commander';
import type { CliContext } from '../context.ts';
import type { ValidateOptions } from '../run/run-validate.ts';

export function validateCommand(context: CliContext): Command {
  return new Command('validate')
    .description('Check the configuration: file, environment and secrets. Print every error as FILE:LINE:COL: message.')
    .option(
      '--config <FILE>',
      'the configuration file (default: GATEWAY_CONFIG, else environment variables and defaults only)',
    )
    .option('--check-relays', 'also connect to every relay')
    .option('--json', 'print as JSON')
    .addHelpText('after', '\nExample:\n  $ portal-gateway validate --config gateway.yaml --check-relays')
    .action(async (options: ValidateOptions) => {
      const { validate } = await import('../run/run-validate.ts');
      await validate(options, context);
    });
}
