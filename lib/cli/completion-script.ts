// Scripts by which a shell completes ddv's commands and flags, made from the table of commands, so that nothing is
// started at a press of the tab key. What is neither is a file's name, which the shell completes by itself.

import type { Command, Flags } from './command.js'
import { globalOptions } from './global-options.js'

interface Place {
  /** `remote add`; '' before any command. */
  readonly path: string
  /** Commands that may follow here, with what they do. */
  readonly commands: readonly Command[]
  readonly flags: readonly string[]
}

function places(commands: readonly Command[], path = ''): Place[] {
  return commands.flatMap(command => {
    const here = path === '' ? command.name : `${path} ${command.name}`
    return [
      { path: here, commands: command.children, flags: flagNames(command.options) },
      ...places(command.children, here),
    ]
  })
}

const allPlaces = (commands: readonly Command[]): Place[] => [{ path: '', commands, flags: [] }, ...places(commands)]

const flagNames = (flags: Flags): string[] =>
  Object.entries(flags).map(([name, { type, default: preset }]) =>
    type === 'boolean' && preset === true ? `--no-${name}` : `--${name}`,
  )

const everywhere = [...flagNames(globalOptions), '--help']

// Single quotes hold anything but themselves.
const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

const knownPaths = (all: readonly Place[]): string =>
  all
    .slice(1)
    .map(({ path }) => quote(path))
    .join('|')

/** For bash 3.2 and later: no word of ours has a space, so that `mapfile` is not missed. */
export function bashScript(commands: readonly Command[]): string {
  const all = allPlaces(commands)
  const cases = all.map(({ path, commands, flags }) => {
    const words = commands.map(({ name }) => name).join(' ')
    return `    ${quote(path)}) words=${quote(words)} flags=${quote(flags.join(' '))} ;;`
  })
  return `# bash completion of ddv: eval "$(ddv completion bash)"
_ddv() {
  local word="\${COMP_WORDS[COMP_CWORD]}" place='' words='' flags='' at next
  for ((at = 1; at < COMP_CWORD; at++)); do
    next="\${place:+$place }\${COMP_WORDS[at]}"
    case "$next" in
      ${knownPaths(all)}) place="$next" ;;
    esac
  done
  case "$place" in
${cases.join('\n')}
  esac
  COMPREPLY=()
  if [[ "$word" == -* ]]; then
    COMPREPLY=($(compgen -W "$flags ${everywhere.join(' ')}" -- "$word"))
  elif [[ -n "$words" ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$word"))
  fi
}
complete -o bashdefault -o default -F _ddv ddv
`
}

export function zshScript(commands: readonly Command[]): string {
  const all = allPlaces(commands)
  const cases = all.map(({ path, commands, flags }) => {
    const described = commands.map(({ name, describe }) => quote(`${name}:${describe.replaceAll(':', '\\:')}`))
    return `    ${quote(path)}) names=(${described.join(' ')}) flags=(${flags.join(' ')}) ;;`
  })
  return `#compdef ddv
# zsh completion of ddv: eval "$(ddv completion zsh)", after compinit
_ddv() {
  local place='' at next
  local -a names flags
  for ((at = 2; at < CURRENT; at++)); do
    next="\${place:+$place }\${words[at]}"
    case "$next" in
      ${knownPaths(all)}) place="$next" ;;
    esac
  done
  case "$place" in
${cases.join('\n')}
  esac
  if [[ "\${words[CURRENT]}" == -* ]]; then
    flags+=(${everywhere.join(' ')})
    compadd -- "\${flags[@]}"
  elif (( \${#names} )); then
    _describe command names
  else
    _files
  fi
}
compdef _ddv ddv
`
}
