// The arguments of `validate`. run-validate.ts implements it.
import { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { configArgument, configFlags, configHelp, withConfigFile } from '../options.ts';
import type { ValidateOptions } from '../run/run-validate.ts';

export function validateCommand(context: CliContext): Command {
  return new Command('validate')
    .description('Check the configuration: file, environment and secrets. Print every error as FILE:LINE:COL: message.')
    .argument(...configArgument)
    .option(configFlags, configHelp)
    .option('--check-relays', 'also connect to every relay')
    .option('--json', 'print as JSON')
    .addHelpText('after', '\nExample:\n  $ portal-gateway validate gateway.yaml --check-relays')
    .action(async (file: string | undefined, options: ValidateOptions) => {
      const checked = withConfigFile(file, options);
      const { validate } = await import('../run/run-validate.ts');
      await validate(checked, context);
    });
}
