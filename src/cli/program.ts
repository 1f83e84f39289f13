// Registers all commands and runs one of them: arguments in, exit code out.
import { Command, CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { readEnvironment } from '../config/source/environment.ts';
import { configCommand } from './commands/config.ts';
import type { CliContext } from './context.ts';
import { devCommand } from './commands/dev.ts';
import { explainCommand } from './commands/explain.ts';
import { exposeCommand } from './commands/expose.ts';
import { exitCodes, faultOf } from './fault.ts';
import { healthCommand } from './commands/health.ts';
import { identityCommand } from './commands/identity.ts';
import { initCommand } from './commands/init.ts';
import { keysCommand } from './commands/keys.ts';
import { leasesCommand } from './commands/leases.ts';
import { relayCommand } from './commands/relay.ts';
import { startCommand } from './commands/start.ts';
import type { Shutdown } from './shutdown.ts';
import type { Terminal } from './terminal.ts';
import { validateCommand } from './commands/validate.ts';

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
];

/** Runs one command line. Never throws. */
export async function run(
  argv: readonly string[],
  terminal: Terminal,
  { signal, stopWithin }: Pick<Shutdown, 'signal' | 'stopWithin'>,
): Promise<number> {
  const context: CliContext = { terminal, signal, stopWithin, environment: () => readEnvironment() };
  const program = createProgram(context);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    // Commander has already printed the requested help or a one-line error.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    const fault = faultOf(error);
    terminal.note(`portal-gateway: ${fault?.line ?? unforeseen(error)}`);
    return fault?.exitCode ?? exitCodes.failed;
  }
}

function createProgram(context: CliContext): Command {
  const program = new Command('portal-gateway')
    .description('The API gateway in front of the Portal relay network.')
    .version(packageJson.version, '-V, --version', 'print the version');
  program.addHelpText(
    'after',
    '\nExample:\n  $ portal-gateway dev\n\n"portal-gateway COMMAND --help" describes each command.',
  );
  for (const create of commands) {
    const command = create(context);
    program.addCommand(command, { isDefault: command.name() === 'start' });
  }
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
        terminal.note(`portal-gateway: ${line}; see "${commandPath(command)} --help"`);
      },
    });
}

function commandPath(command: Command): string {
  return command.parent === null ? command.name() : `${commandPath(command.parent)} ${command.name()}`;
}

/** Shows the stack for debugging, but no other property of the error: those may contain secrets. */
export function unforeseen(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
