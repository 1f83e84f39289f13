// Implements `config schema` and `config print`.
import { configJsonSchema } from '../../config/schema/json-schema.ts';
import { loadConfig } from '../../config/load/load.ts';
import { showPath } from '../../config/schema/names.ts';
import { findingLine } from '../../config/source/origin.ts';
import { configTable, printConfig } from '../../config/load/print.ts';
import { printable, printableJson } from '../../kernel/printable.ts';
import { faultyConfig } from '../fault.ts';
import type { CliContext } from '../context.ts';

export interface PrintOptions {
  readonly config?: string;
  readonly json?: boolean;
}

const maxLineCharacters = 1000;

export function printSchema({ terminal }: CliContext): void {
  terminal.result(JSON.stringify(configJsonSchema(), undefined, 2));
}

export async function print(options: PrintOptions, { terminal, signal }: CliContext): Promise<void> {
  const result = await loadConfig({ file: options.config, signal });
  for (const warning of result.warnings)
    terminal.note(printable(`warning: ${findingLine(warning)}`, maxLineCharacters));
  if (!result.ok) {
    for (const fault of result.faults) terminal.note(printable(findingLine(fault), maxLineCharacters));
    throw faultyConfig(result.faults);
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
