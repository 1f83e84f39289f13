// The manual page of the command, made from the same description as --help. Written for man(7);
// only the macros TH, SH, SS, PP, TP, EX and EE are used.
import type { Command } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { commandPath, visibleCommands } from '../src/cli/command-tree.ts';
import { createProgram } from '../src/cli/program.ts';

function fail(): never {
  throw new Error('a manual page runs no command');
}

export function manPage(): string {
  const program = createProgram({
    terminal: { isWatched: false, result: fail, note: fail, style: (_, text) => text, queued: fail },
    signal: new AbortController().signal,
    stopWithin: fail,
    environment: fail,
  });
  const lines = [
    `.TH PORTAL-GATEWAY 1 "" "portal-gateway ${packageJson.version}" "User Commands"`,
    ...['.SH NAME', `portal-gateway \\- ${roff(program.description())}`],
    ...['.SH SYNOPSIS', '.PP', roff(`portal-gateway COMMAND [options]`)],
    ...['.SH OPTIONS', ...optionsOf(program)],
    ...['.SH COMMANDS', ...visibleCommands(program).flatMap(sectionOf)],
    ...['.SH EXIT STATUS', ...exitStatus.flatMap(([code, meaning]) => ['.TP', code, meaning])],
    ...['.SH SEE ALSO', '.PP', 'docs/cli.md of the sources has each command with its details and exit codes.'],
  ];
  return `${lines.join('\n')}\n`;
}

const exitStatus = [
  ['0', 'success'],
  ['1', 'failure'],
  ['2', 'usage error'],
  ['75', 'failure where the same command can succeed later'],
] as const;

function sectionOf(command: Command): string[] {
  const inner = visibleCommands(command);
  if (inner.length > 0) return inner.flatMap(sectionOf);
  const path = commandPath(command).join(' ');
  return [
    `.SS ${roff(path)}`,
    '.PP',
    roff(`${path} ${command.usage()}`),
    '.PP',
    roff(command.description()),
    ...optionsOf(command),
  ];
}

function optionsOf(command: Command): string[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ flags, description }) => ['.TP', roff(flags), roff(description)]);
}

/** Escapes what roff reads as a command: backslashes, hyphens, and a dot or quote at the start. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .split('\n')
    .map((line) => line.trim())
    .join(' ')
    .replace(/^[.']/, '\\&$&');
}
