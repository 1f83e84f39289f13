// Implements `completion SHELL`: prints a script that completes commands, options, lease names and
// key ids. The arguments of the hidden `complete`, which the script calls, are here as well.
import { Argument, Command } from 'commander';
import { bashScript } from '../completion/bash-script.ts';
import { candidateKinds, type CandidateKind, completionModel } from '../completion/completion-model.ts';
import { fishScript } from '../completion/fish-script.ts';
import { zshScript } from '../completion/zsh-script.ts';
import type { CliContext } from '../context.ts';

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };

export function completionCommand({ terminal }: CliContext): Command {
  return new Command('completion')
    .description('Print a script that completes commands, options, lease names and key ids in a shell.')
    .addArgument(new Argument('<SHELL>', 'the shell').choices(Object.keys(scripts)))
    .addHelpText('after', '\nExample:\n  $ source <(portal-gateway completion bash)')
    .action((shell: keyof typeof scripts, _options: object, command: Command) => {
      terminal.result(scripts[shell](completionModel(command.parent ?? command)).trimEnd());
    });
}

/** Prints candidates, one a line. `WORDS`: the command line so far. */
export function completeCommand(context: CliContext): Command {
  return new Command('complete')
    .addArgument(new Argument('<KIND>').choices(candidateKinds))
    .argument('[WORDS...]')
    .action(async (kind: CandidateKind, words: readonly string[]) => {
      const { complete } = await import('../run/run-complete.ts');
      await complete(kind, words, context);
    });
}
