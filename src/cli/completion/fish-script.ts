// The completion script of fish.
import type { CompletedCommand, CompletedOption, CompletedValue } from './completion-model.ts';
import { commandSteps } from './shell-text.ts';

export function fishScript(model: readonly CompletedCommand[]): string {
  return `# Completion of portal-gateway for fish. Load it with:
#   portal-gateway completion fish | source

function __portal_gateway_at --argument-names wanted
    set -l at ''
    for word in (commandline -opc)[2..-1]
        switch "$at/$word"
            case ${commandSteps(model).map(fishQuoted).join(' ')}
                set at (string trim -- "$at $word")
        end
    end
    test "$at" = "$wanted"
end

function __portal_gateway_list --argument-names kind
    set -l words (commandline -opc)
    $words[1] complete $kind -- $words[2..-1] 2>/dev/null
end

complete -c portal-gateway -f
${model.flatMap(commandLines).join('\n')}
`;
}

function commandLines({ path, commands, options, argument }: CompletedCommand): string[] {
  const start = `complete -c portal-gateway -n ${fishQuoted(`__portal_gateway_at ${fishQuoted(path)}`)}`;
  return [
    ...commands.map(({ name, description }) => `${start} -a ${name} -d ${fishQuoted(description)}`),
    ...options.map((option) => `${start} ${optionWords(option)} -d ${fishQuoted(option.description)}`),
    ...(argument === undefined || argument.kind === 'text' ? [] : [`${start}${valueWords(argument)}`]),
  ];
}

function optionWords({ flags, value }: CompletedOption): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(' ');
  if (value === undefined) return names;
  // -x: a value that is not a file.
  return `${names} ${value.kind === 'file' ? '-r' : '-x'}${valueWords(value)}`;
}

/** With a leading space. */
function valueWords(value: CompletedValue): string {
  switch (value.kind) {
    case 'words':
      return ` -a ${fishQuoted(value.words.join(' '))}`;
    case 'file':
      return ' -F';
    case 'leases':
    case 'keys':
      return ` -a ${fishQuoted(`(__portal_gateway_list ${value.kind})`)}`;
    case 'text':
      return '';
  }
}

/** In single quotes fish reads backslashes before quotes and backslashes only. */
function fishQuoted(text: string): string {
  return `'${text.replaceAll('\\', String.raw`\\`).replaceAll("'", String.raw`\'`)}'`;
}
