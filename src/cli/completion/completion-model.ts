// Reads from the commander program what can be completed: commands, options, and the kind of each
// value. The scripts of all shells are made from this model.
import type { Argument, Command, Option } from 'commander';
import { commandPath, visibleCommands } from '../command-tree.ts';

/** The lists that `complete` prints while the user types. */
export const candidateKinds = ['leases', 'keys'] as const;
export type CandidateKind = (typeof candidateKinds)[number];

export type CompletedValue =
  { readonly kind: 'text' | 'file' | CandidateKind } | { readonly kind: 'words'; readonly words: readonly string[] };

export interface CompletedOption {
  /** `['-c', '--config']` */
  readonly flags: readonly string[];
  readonly description: string;
  /** Undefined: a switch. */
  readonly value: CompletedValue | undefined;
}

export interface CompletedName {
  readonly name: string;
  readonly description: string;
}

export interface CompletedCommand {
  /** `keys create`; empty for the program itself. */
  readonly path: string;
  readonly commands: readonly CompletedName[];
  readonly options: readonly CompletedOption[];
  /** The kind of the arguments; undefined: it has none. */
  readonly argument: CompletedValue | undefined;
}

/** Values with a list of candidates, by command and option or argument. */
export const listedValues: Readonly<Record<string, CandidateKind>> = {
  'explain --key': 'keys',
  'explain --lease': 'leases',
  'expose --name': 'leases',
  'keys rotate ID': 'keys',
  'keys revoke ID': 'keys',
  'leases accept NAME': 'leases',
};

export function completionModel(program: Command): CompletedCommand[] {
  const [root, ...others] = completedCommands(program);
  const start = others.find(({ path }) => path === 'start');
  if (root === undefined || start === undefined) return [];
  // `start` is the default command, so its options follow the program's name, too.
  const own = new Set(root.options.flatMap(({ flags }) => flags));
  const added = start.options.filter(({ flags }) => !flags.some((flag) => own.has(flag)));
  return [{ ...root, options: [...root.options, ...added] }, ...others];
}

function completedCommands(command: Command): CompletedCommand[] {
  const path = commandPath(command).slice(1).join(' ');
  const inner = visibleCommands(command);
  const [argument] = command.registeredArguments;
  return [
    {
      path,
      commands: inner.map((child) => ({ name: child.name(), description: firstSentence(child.description()) })),
      options: command
        .createHelp()
        .visibleOptions(command)
        .map((option) => completedOption(option, path)),
      argument: path === 'help' ? helpTopics(command) : argument && valueOf(argument, `${path} ${argument.name()}`),
    },
    ...inner.flatMap(completedCommands),
  ];
}

function completedOption(option: Option, path: string): CompletedOption {
  const flags = [option.short, option.long].filter((flag) => flag !== undefined);
  const value = option.required || option.optional ? valueOf(option, `${path} ${option.long ?? ''}`) : undefined;
  return { flags, description: firstSentence(option.description), value };
}

function valueOf(of: Option | Argument, place: string): CompletedValue {
  const listed = listedValues[place];
  if (listed !== undefined) return { kind: listed };
  if (of.argChoices !== undefined) return { kind: 'words', words: of.argChoices };
  const placeholder = 'flags' in of ? of.flags : of.name();
  return { kind: /\bFILE\b/.test(placeholder) ? 'file' : 'text' };
}

function helpTopics({ parent }: Command): CompletedValue {
  return { kind: 'words', words: parent === null ? [] : visibleCommands(parent).map((command) => command.name()) };
}

const maxDescriptionCharacters = 70;

/** Menus of shells have room for one short line. */
function firstSentence(text: string): string {
  const sentence = text.replace(/ \(default:.*$/s, '').replace(/(?:[.;:]\s.*|\.)$/s, '');
  return sentence.length > maxDescriptionCharacters ? `${sentence.slice(0, maxDescriptionCharacters - 1)}…` : sentence;
}
