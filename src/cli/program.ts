// Registers all commands and runs one of them: arguments in, exit code out.
import { Command, CommanderError, Option } from 'commander';
import { mistypedVariables, readEnvironment } from '../config/source/environment.ts';
import { printable } from '../kernel/printable.ts';
import { commandPath } from './command-tree.ts';
import { completeCommand, completionCommand } from './commands/completion.ts';
import { configCommand } from './commands/config.ts';
import type { CliContext } from './context.ts';
import { devCommand } from './commands/dev.ts';
import { explainCommand } from './commands/explain.ts';
import { exposeCommand } from './commands/expose.ts';
import { exitCodes, faultOf, isAbort, usageFault } from './fault.ts';
import { healthCommand } from './commands/health.ts';
import { helpCommand } from './commands/help.ts';
import { identityCommand } from './commands/identity.ts';
import { initCommand } from './commands/init.ts';
import { keysCommand } from './commands/keys.ts';
import { leasesCommand } from './commands/leases.ts';
import { relayCommand } from './commands/relay.ts';
import { startCommand } from './commands/start.ts';
import { interruptionOf, type Shutdown } from './shutdown.ts';
import type { Terminal } from './terminal.ts';
import { isFile, unknownCommand, unknownCommandIn } from './unknown-command.ts';
import { validateCommand } from './commands/validate.ts';
import { version, versionCommand } from './commands/version.ts';

const commands = [
  startCommand,
  initCommand,
  devCommand,
  exposeCommand,
  relayCommand,
  keysCommand,
  leasesCommand,
  identityCommand,
  healthCommand,
  validateCommand,
  configCommand,
  explainCommand,
  completionCommand,
  helpCommand,
  versionCommand,
];

/** Runs one command line. Never throws. */
export async function run(
  argv: readonly string[],
  terminal: Terminal,
  { signal, stopWithin }: Pick<Shutdown, 'signal' | 'stopWithin'>,
): Promise<number> {
  const context: CliContext = { terminal, signal, stopWithin, environment: () => readEnvironment() };
  const program = createProgram(context);
  program.hook('preAction', (_, command) => {
    // Commands that load the configuration warn about every unknown variable themselves.
    if (command.options.some(({ long }) => long === '--config')) return;
    for (const line of mistypedVariables()) terminal.note(printable(`warning: ${line}`));
  });
  try {
    rejectUnknown(program, argv);
    await program.parseAsync(argv, { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    // Commander has already printed the requested help or a one-line error.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    if (isAbort(error, signal)) {
      const { name, exitCode } = interruptionOf(signal);
      terminal.note(`portal-gateway: interrupted by ${name}`);
      return exitCode;
    }
    const fault = faultOf(error);
    terminal.note(`portal-gateway: ${fault?.line ?? unforeseen(error)}`);
    return fault?.exitCode ?? exitCodes.failed;
  }
}

/** Throws a usage error for a command that does not exist. */
function rejectUnknown(program: Command, argv: readonly string[]): void {
  const unknown = unknownCommandIn(program, argv);
  if (unknown !== undefined) throw usageFault(unknown);
  // `--port 8081 bogus`: without a command, only what looks like a file is one.
  if (argv[0]?.startsWith('-') !== true) return;
  program.hook('preAction', (_, { args: [first] }) => {
    if (first !== undefined && !isFile(first)) throw usageFault(unknownCommand(first, program));
  });
}

export function createProgram(context: CliContext): Command {
  const program = new Command('portal-gateway')
    .description('The API gateway in front of the Portal relay network.')
    .version(version, '-v, --version', 'print the version');
  // The name that earlier releases had.
  program.addOption(new Option('-V').hideHelp()).on('option:V', () => {
    context.terminal.result(version);
    throw new CommanderError(0, 'commander.version', version);
  });
  program.addHelpText(
    'after',
    '\nExample:\n  $ portal-gateway dev\n\n"portal-gateway COMMAND --help" describes each command.',
  );
  for (const create of commands) {
    const command = create(context);
    program.addCommand(command, { isDefault: command.name() === 'start' });
  }
  program.addCommand(completeCommand(context), { hidden: true });
  prepare(program, context.terminal);
  return program;
}

/** Also prepares subcommands, which do not inherit these settings. */
function prepare(command: Command, terminal: Terminal): void {
  for (const inner of command.commands) prepare(inner, terminal);
  command
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        terminal.result(text.trimEnd());
      },
      writeErr: (text) => {
        terminal.note(text.trimEnd());
      },
      outputError: (text) => {
        const lines = text.replace(/^error: /, '').split('\n');
        const line = lines
          .map((part) => part.trim())
          .filter((part) => part !== '')
          .join(' ')
          .replace(/\.$/, '');
        terminal.note(`portal-gateway: ${line}; see "${commandPath(command).join(' ')} --help"`);
      },
    });
}

/** Shows the stack for debugging, but no other property of the error: those may contain secrets. */
export function unforeseen(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
