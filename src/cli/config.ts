// Owns `config schema` and `config print`: what can be configured, and what is.
import { Command } from 'commander';
import { configJsonSchema } from '../config/json-schema.ts';
import { loadConfig } from '../config/load.ts';
import { showPath } from '../config/names.ts';
import { findingLine } from '../config/origin.ts';
import { configTable, printConfig } from '../config/print.ts';
import { printable, printableJson } from '../kernel/printable.ts';
import { CliFault } from './fault.ts';
import type { CliContext } from './context.ts';

interface PrintOptions {
  readonly config?: string;
  readonly json?: boolean;
}

const mostLineCharacters = 1000;

export function configCommand(context: CliContext): Command {
  return new Command('config')
    .description('Shows what can be configured, and what is.')
    .addHelpText('after', '\nExample:\n  $ portal-gateway config print --config gateway.yaml')
    .addCommand(schemaCommand(context))
    .addCommand(printCommand(context));
}

function schemaCommand({ terminal }: CliContext): Command {
  return new Command('schema')
    .description('Prints the JSON Schema of the configuration, for editors.')
    .addHelpText('after', '\nExample:\n  $ portal-gateway config schema > gateway.schema.json')
    .action(() => {
      terminal.result(JSON.stringify(configJsonSchema(), undefined, 2));
    });
}

function printCommand(context: CliContext): Command {
  return new Command('print')
    .description('Prints the effective configuration and where each value came from. Secrets are shown as ***.')
    .option(
      '--config <FILE>',
      'the configuration file (default: GATEWAY_CONFIG; without one, environment and defaults)',
    )
    .option('--json', 'print it as JSON')
    .addHelpText('after', '\nExample:\n  $ portal-gateway config print --config gateway.yaml')
    .action((options: PrintOptions) => print(options, context));
}

async function print(options: PrintOptions, { terminal, signal }: CliContext): Promise<void> {
  const result = await loadConfig({ file: options.config, signal });
  for (const warning of result.warnings)
    terminal.note(printable(`warning: ${findingLine(warning)}`, mostLineCharacters));
  if (!result.ok) {
    for (const fault of result.faults) terminal.note(printable(findingLine(fault), mostLineCharacters));
    throw new CliFault('there is no effective configuration while it has faults; "portal-gateway validate" tells more');
  }
  const { config, sources } = result;
  if (options.json === true) {
    const settings = configTable(config, sources).map(({ path, value, origin }) => ({
      setting: showPath(path),
      value,
      origin,
    }));
    terminal.result(printableJson(settings));
  } else for (const line of printConfig(config, sources)) terminal.result(line);
}
