// The completion script of bash. Works with bash 3.2, the one of macOS.
import type { CompletedCommand, CompletedValue } from './completion-model.ts';
import { shellQuoted } from '../shell-word.ts';
import { commandSteps, valuedOptions } from './shell-text.ts';

export function bashScript(model: readonly CompletedCommand[]): string {
  return `# Completion of portal-gateway for bash. Load it with:
#   source <(portal-gateway completion bash)

# Candidates are never expanded: a relay may list any text as the name of a lease.
_portal_gateway_offer() {
  local candidate
  while IFS= read -r candidate; do
    if [[ $candidate == "$cur"* ]]; then COMPREPLY+=("$candidate"); fi
  done
}

_portal_gateway_list() {
  _portal_gateway_offer < <("\${COMP_WORDS[0]}" complete "$1" -- "\${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)
}

# Without compopt (bash 3.2) only the completion of bash itself quotes the names of files.
_portal_gateway_can_quote() { type compopt >/dev/null 2>&1; }

_portal_gateway_files() {
  _portal_gateway_can_quote || return
  compopt -o filenames 2>/dev/null
  _portal_gateway_offer < <(compgen -f -- "$cur")
}

_portal_gateway() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} at='' options='' i
  COMPREPLY=()
  # --config=FILE is three words.
  if [[ $cur == = ]]; then cur=''; elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at/\${COMP_WORDS[i]}" in
      ${commandSteps(model).map(shellQuoted).join(' | ')})
        at="\${at:+$at }\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at $prev" in
${model.flatMap(valueCases).join('\n')}
  esac
  case "$at" in
${model.map(commandCase).join('\n')}
  esac
  if [[ $cur == -* ]]; then
    COMPREPLY=()
    _portal_gateway_offer <<< "$options"
  fi
}

if _portal_gateway_can_quote; then
  complete -F _portal_gateway portal-gateway
else
  complete -o default -F _portal_gateway portal-gateway
fi
`;
}

function valueCases(command: CompletedCommand): string[] {
  return valuedOptions(command).map(({ option, value }) => {
    const patterns = option.flags.map((flag) => shellQuoted(`${command.path} ${flag}`)).join(' | ');
    return `    ${patterns}) ${offer(value)}return ;;`;
  });
}

function commandCase({ path, commands, options, argument }: CompletedCommand): string {
  const flags = options.flatMap(({ flags: all }) => all);
  const names = commands.map(({ name }) => name);
  const words = names.length === 0 ? '' : offer({ kind: 'words', words: names });
  const own = argument === undefined ? '' : offer(argument);
  return `    ${shellQuoted(path)}) options=$${shellQuoted(flags.join(String.raw`\n`))}; if [[ $cur != -* ]]; then ${words}${own}:; fi ;;`;
}

/** A command and a semicolon; nothing where only the user knows the value. */
function offer(value: CompletedValue): string {
  switch (value.kind) {
    case 'words':
      return `_portal_gateway_offer <<< $${shellQuoted(value.words.join(String.raw`\n`))}; `;
    case 'file':
      return '_portal_gateway_files; ';
    case 'leases':
    case 'keys':
      return `_portal_gateway_list ${value.kind}; `;
    case 'text':
      return '';
  }
}
