// The arguments of `config schema` and `config print`. run-config.ts implements them.
import { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { configFlags, configHelp } from '../options.ts';
import type { PrintOptions } from '../run/run-config.ts';

export function configCommand(context: CliContext): Command {
  return new Command('config')
    .description('Show the schema of the configuration and the effective configuration.')
    .addHelpText('after', '\nExample:\n  $ portal-gateway config print --config gateway.yaml')
    .addCommand(schemaCommand(context))
    .addCommand(printCommand(context));
}

function schemaCommand(context: CliContext): Command {
  return new Command('schema')
    .description('Print the JSON Schema of the configuration, for editors.')
    .addHelpText('after', '\nExample:\n  $ portal-gateway config schema > gateway.schema.json')
    .action(async () => {
      const { printSchema } = await import('../run/run-config.ts');
      printSchema(context);
    });
}

function printCommand(context: CliContext): Command {
  return new Command('print')
    .description('Print the effective configuration and the source of each value. Secrets are shown as ***.')
    .option(configFlags, configHelp)
    .option('--json', 'print as JSON')
    .addHelpText('after', '\nExample:\n  $ portal-gateway config print --config gateway.yaml')
    .action(async (options: PrintOptions) => {
      const { print } = await import('../run/run-config.ts');
      await print(options, context);
    });
}
