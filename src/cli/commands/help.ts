// Implements `help [COMMAND...]`, the same as `COMMAND --help`.
import { Command } from 'commander';
import { usageFault } from '../fault.ts';
import { unknownCommand } from '../unknown-command.ts';

export function helpCommand(): Command {
  return new Command('help')
    .description('Print the help of a command, the same as COMMAND --help.')
    .argument('[COMMAND...]', 'the command, such as: keys create')
    .addHelpText('after', '\nExample:\n  $ portal-gateway help keys create')
    .action((path: readonly string[], _options: object, command: Command) => {
      let shown = command.parent ?? command;
      for (const name of path) {
        const inner = shown.commands.find((candidate) => candidate.name() === name);
        if (inner === undefined) throw usageFault(unknownCommand(name, shown));
        shown = inner;
      }
      shown.help();
    });
}
