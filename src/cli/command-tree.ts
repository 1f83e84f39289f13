// Reads the tree of commands: their paths, and those that help and completion show.
import type { Command } from 'commander';

/** `['portal-gateway', 'keys', 'create']` */
export function commandPath(command: Command): string[] {
  return command.parent === null ? [command.name()] : [...commandPath(command.parent), command.name()];
}

/** Without the hidden ones. */
export function visibleCommands(command: Command): Command[] {
  return command.createHelp().visibleCommands(command);
}
