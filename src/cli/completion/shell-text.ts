// What the completion scripts of all shells share.
import type { CompletedCommand, CompletedOption, CompletedValue } from './completion-model.ts';

/** `path/name` of every command, by which the scripts find the command that is being completed. */
export function commandSteps(model: readonly CompletedCommand[]): string[] {
  return model.flatMap(({ path, commands }) => commands.map(({ name }) => `${path}/${name}`));
}

interface ValuedOption {
  readonly option: CompletedOption;
  readonly value: CompletedValue;
}

export function valuedOptions({ options }: CompletedCommand): ValuedOption[] {
  return options.flatMap((option) => (option.value === undefined ? [] : [{ option, value: option.value }]));
}
