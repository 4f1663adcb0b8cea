// The text of a git hook: lines of POSIX sh that call the hook that was there before, decide by a few runs of git
// whether ddv has to start at all, and start it. A digest in its second line tells a file that somebody edited.

import { DdvError } from '../core/errors.js'
import { hashBytes } from '../sys/hash.js'
import type { Installation } from './drivers.js'
import { nothingTouched } from './nothing-touched.js'

export const hookNames = [
  'pre-commit',
  'pre-merge-commit',
  'pre-push',
  'post-checkout',
  'post-merge',
  'post-rewrite',
] as const
export type HookName = (typeof hookNames)[number]

export const isHookName = (name: string): name is HookName => hookNames.some(known => known === name)

/** What a hook that was there before is called from then on, beside ddv's own. */
export const keptName = (name: HookName): string => `${name}.before-ddv`

/** The key in git's configuration by which a repository asks for hooks that several repositories share. */
export const sharedKey = 'ddv.hooks'

export interface ScriptOptions extends Installation {
  readonly name: HookName
  /** The directory serves other repositories too, which did not ask for ddv. */
  readonly shared: boolean
}

const isBefore = (name: HookName): boolean => name.startsWith('pre-')
const readsInput = (name: HookName): boolean => name === 'pre-push' || name === 'post-rewrite'

const pointersDiffer = (before: string, now: string): string =>
  `git --glob-pathspecs diff-tree -r --quiet ${before} ${now} -- '**/*.ddv' '**/ddv.lock' 2>/dev/null`

/** Shell conditions under which no pointer and no lock changed, so that nothing is to be brought. */
const nothingMoved: Partial<Record<HookName, string>> = {
  'post-checkout': `[ "$3" = 1 ] && ${pointersDiffer('"$1"', '"$2"')}`,
  'post-merge': `[ "$1" = 0 ] && ${pointersDiffer('ORIG_HEAD', 'HEAD')}`,
  // It makes a commit of what is there, and changes no file.
  'post-rewrite': '[ "$1" = amend ]',
}

/** Throws `usage` for a path that no line of a script can hold. */
export function hookScript({ name, node, program, shared }: ScriptOptions): string {
  const body = [
    `# Written by 'ddv hooks install' and taken away by 'ddv hooks uninstall'. Commands of your own belong into`,
    `# ${keptName(name)} beside this file: it is called first, if it is executable.`,
    `kept="\${0%/*}/${keptName(name)}"`,
    `node=${shellWord(node)}`,
    `program=${shellWord(program)}`,
    'start() {',
    `  if [ -x "$node" ] && [ -f "$program" ]; then exec "$node" "$program" hook run ${name} "$@"; fi`,
    `  if command -v ddv >/dev/null 2>&1; then exec ddv hook run ${name} "$@"; fi`,
    ...notFound(name).map(line => `  ${line}`),
    '}',
    ...(isBefore(name) ? beforeLines(name, shared) : afterLines(name, shared)),
  ].join('\n')
  return `#!/bin/sh\n${markLine(body)}\n${body}\n`
}

const notFound = (name: HookName): string[] => {
  const problem = `neither the node and ddv that installed this hook nor a ddv on PATH is found: ${name}`
  return [
    `echo "ddv: ${isBefore(name) ? 'error' : 'warning'}: ${problem}" >&2`,
    `echo "ddv: hint: install ddv and run 'ddv hooks install' again" >&2`,
    'exit 1',
  ]
}

const isAsked = `[ "$(git config --type=bool ${sharedKey} 2>/dev/null)" = true ]`

function beforeLines(name: HookName, shared: boolean): string[] {
  const guard = shared ? [`${isAsked} || exit 0`] : []
  if (!readsInput(name))
    return [
      ...nothingTouched,
      'if [ -x "$kept" ]; then "$kept" "$@" || exit; fi',
      ...guard,
      'nothing_touched && exit 0',
      'start "$@"',
    ]
  return [
    'if [ -x "$kept" ]; then',
    ...captured,
    '  printf %s "$input" | "$kept" "$@" || exit',
    ...guard.map(line => `  ${line}`),
    '  printf %s "$input" | start "$@"',
    '  exit',
    'fi',
    ...guard,
    'start "$@"',
  ]
}

// git pays no heed to what these say, except to a kept one's code after a checkout.
function afterLines(name: HookName, shared: boolean): string[] {
  const guard = shared ? [`${isAsked} || exit "$code"`] : []
  const quick = nothingMoved[name]
  const decide = [...guard, ...(quick === undefined ? [] : [`${quick} && exit "$code"`])]
  const plain = [
    'code=0',
    'if [ -x "$kept" ]; then "$kept" "$@"; code=$?; fi',
    ...decide,
    '(start "$@")',
    'exit "$code"',
  ]
  if (!readsInput(name)) return plain
  return [
    'code=0',
    ...captured.map(line => line.trimStart()),
    'if [ -x "$kept" ]; then printf %s "$input" | "$kept" "$@"; code=$?; fi',
    ...decide,
    'printf %s "$input" | (start "$@")',
    'exit "$code"',
  ]
}

// `$(…)` drops line breaks at the end; the mark keeps them.
const captured = ['  input=$(cat; echo .)', `  input=\${input%.}`]

function shellWord(path: string): string {
  if (/[\0\n]/.test(path)) throw new DdvError('usage', 'a hook cannot call a path with a line break in it')
  return `'${path.replaceAll("'", `'\\''`)}'`
}

const markLine = (body: string): string => `# ddv-hook 1 ${hashBytes(Buffer.from(body))}`

/** `edited`: written by ddv, and changed by somebody since. */
export function whoseHook(text: string): 'ddv' | 'edited' | 'other' {
  const [, mark = '', ...lines] = text.split('\n')
  if (!mark.startsWith('# ddv-hook ')) return /^# ddv-hook \d/m.test(text) ? 'edited' : 'other'
  return markLine(lines.join('\n').replace(/\n$/, '')) === mark ? 'ddv' : 'edited'
}
