// Finds a command name that does not exist before commander parses the line: `bogus --help` would
// print the help of another command, and `bogus` would be a file for the default command.
import type { Command } from 'commander';
import { didYouMean } from '../config/schema/names.ts';
import { printable } from '../kernel/printable.ts';
import { commandPath, visibleCommands } from './command-tree.ts';

/** The message for the first command name of the line that does not exist. */
export function unknownCommandIn(program: Command, argv: readonly string[]): string | undefined {
  let command = program;
  for (const name of argv) {
    // An option may take the next argument as its value; commander checks the rest.
    if (name.startsWith('-') || command.commands.length === 0) return undefined;
    const inner = command.commands.find((candidate) => candidate.name() === name);
    if (inner === undefined) return command === program && isFile(name) ? undefined : unknownCommand(name, command);
    command = inner;
  }
  return undefined;
}

/** `portal-gateway gateway.yaml` starts the gateway with that file. */
export function isFile(argument: string): boolean {
  return /\.(?:ya?ml|json)$/i.test(argument) || /[/\\]/.test(argument);
}

export function unknownCommand(name: string, within: Command): string {
  const names = visibleCommands(within).map((command) => command.name());
  const path = commandPath(within);
  const meant = didYouMean(name, names);
  const what = `unknown command "${printable(`${path.slice(1).join(' ')} ${name}`.trim())}"`;
  if (meant !== undefined) return `${what}; did you mean ${[...path.slice(1), meant].join(' ')}?`;
  return `${what}; see "${[...path, '--help'].join(' ')}"`;
}
