// The completion script of zsh: a function for fpath, which can also be sourced.
import type { CompletedCommand, CompletedName, CompletedValue } from './completion-model.ts';
import { shellQuoted } from '../shell-word.ts';
import { commandSteps, valuedOptions } from './shell-text.ts';

export function zshScript(model: readonly CompletedCommand[]): string {
  return `#compdef portal-gateway
# Completion of portal-gateway for zsh. Load it with:
#   source <(portal-gateway completion zsh)
# or write it to a file _portal-gateway in a directory of $fpath.

_portal_gateway_list() {
  local -a found
  found=("\${(@f)$("\${words[1]}" complete "$1" -- "\${(@)words[2,CURRENT-1]}" 2>/dev/null)}")
  found=("\${(@)found:#}")
  compadd -- "\${(@)found}"
}

_portal_gateway() {
  local at='' prev=\${words[CURRENT-1]} i
  local -a names options
  for ((i = 2; i < CURRENT; i++)); do
    case "$at/\${words[i]}" in
      (${commandSteps(model).map(shellQuoted).join('|')}) at="\${at:+$at }\${words[i]}" ;;
    esac
  done
  case "$at $prev" in
${model.flatMap(valueCases).join('\n')}
  esac
  case "$at" in
${model.map(commandCase).join('\n')}
  esac
}

if [[ \${funcstack[1]} == _portal_gateway || \${funcstack[1]} == _portal-gateway ]]; then
  _portal_gateway "$@"
else
  # Before compinit, as in a .zshrc without it, there is no compdef.
  (( \${+functions[compdef]} )) || { autoload -Uz compinit && compinit }
  compdef _portal_gateway portal-gateway
fi
`;
}

function valueCases(command: CompletedCommand): string[] {
  return valuedOptions(command).map(({ option, value }) => {
    const patterns = option.flags.map((flag) => shellQuoted(`${command.path} ${flag}`)).join('|');
    return `    (${patterns}) ${offer(value)}return ;;`;
  });
}

function commandCase({ path, commands, options, argument }: CompletedCommand): string {
  const flags = options.flatMap(({ flags: all, description }) => all.map((name) => ({ name, description })));
  const words = commands.length === 0 ? '' : `names=(${described(commands)}); _describe -t commands command names; `;
  const own = argument === undefined ? '' : offer(argument);
  return `    (${shellQuoted(path)})
      if [[ \${words[CURRENT]} == -* ]]; then options=(${described(flags)}); _describe -o -t options option options
      else ${words}${own}:; fi ;;`;
}

/** Items of _describe: a colon separates the name from its description. */
function described(names: readonly CompletedName[]): string {
  return names
    .map(({ name, description }) => shellQuoted(`${name}:${description.replaceAll(':', String.raw`\:`)}`))
    .join(' ');
}

/** A command and a semicolon; nothing where only the user knows the value. */
function offer(value: CompletedValue): string {
  switch (value.kind) {
    case 'words':
      return `compadd -- ${value.words.map(shellQuoted).join(' ')}; `;
    case 'file':
      return '_files; ';
    case 'leases':
    case 'keys':
      return `_portal_gateway_list ${value.kind}; `;
    case 'text':
      return '';
  }
}
