// A shell function that tells, in a few starts of git, that the index about to be committed holds nothing new that ddv
// has a word to say about: most commits are such, and Node alone takes ten times as long to start. Whatever it cannot
// tell for sure it leaves to ddv, so it may be wrong in that one direction only: names that git has to quote, linked
// worktrees (which may use the first one's workspace), other limits than the usual one, many files at once.

import { defaultLayer } from '../core/config.js'
import { environmentNames } from '../core/config-schema.js'
import { pointerSuffix } from '../core/pointer.js'
import { lockFileName } from '../core/stage.js'
import { rawFormat } from './changes.js'

// Listing an index costs names × entries inside git.
const maxNames = 64

const limitKey = 'git.maxFileSize'
const limitVariable = environmentNames.get(limitKey) ?? ''

/** Sizes with fewer digits than the limit are below it. */
const anyLargeSize = `${'?'.repeat(String(defaultLayer.get(limitKey)?.value).length)}*`

const diff = ['diff-index', '--cached', '--ita-invisible-in-index', ...rawFormat.filter(flag => flag !== '-z'), 'HEAD']

/** Lines of POSIX sh that define `nothing_touched`: it succeeds where ddv would find nothing. */
export const nothingTouched: readonly string[] = [
  'nothing_touched() {',
  `  [ -d .git ] && [ -z "$${limitVariable}" ] || return 1`,
  `  rows=$(git -c core.quotePath=true ${diff.join(' ')} -- 2>/dev/null) || return 1`,
  '  [ -n "$rows" ] || return 0',
  "  newline='",
  "'",
  "  tab='\t'",
  '  IFS=$newline',
  '  set -f',
  `  locks=':(top,glob)**/${lockFileName}'`,
  '  set -- $rows',
  '  names= count=0 ids= configs= seen=$newline locked=',
  '  for row; do',
  `    file=\${row#*"$tab"} facts=\${row%%"$tab"*}`,
  '    case $facts in *" D") continue ;; *" U") return 1 ;; esac',
  '    case $file in',
  `    '"'* | *${pointerSuffix} | .ddv/* | */.ddv/* | ddv.yaml | */ddv.yaml | ddv.lock | */ddv.lock) return 1 ;;`,
  '    esac',
  `    case $facts in :??????" 100"*) facts=\${facts#* * * }; ids=$ids\${facts% *}$newline ;; esac`,
  '    at=$file',
  '    while :; do',
  `      names="$names:(top,literal)$at${pointerSuffix}$newline" count=$((count + 1))`,
  `      [ "$count" -le ${maxNames} ] || return 1`,
  '      # A lock names paths from its workspace, wherever that lies.',
  '      rest=$at',
  '      while :; do',
  `        locked="$locked-e$newline\\"$rest\\": $newline"`,
  '        case $rest in */*) rest=${rest#*/} ;; *) break ;; esac',
  '      done',
  `      case $at in */*) at=\${at%/*} ;; *) at= ;; esac`,
  '      case $seen in *"$newline$at$newline"*) break ;; esac',
  '      seen=$seen$at$newline',
  '      for config in config.yaml config.local.yaml; do',
  `        config=./\${at:+$at/}.ddv/$config`,
  '        [ ! -e "$config" ] || { [ -f "$config" ] && configs=$configs$config$newline; } || return 1',
  '      done',
  '      [ -n "$at" ] || break',
  '    done',
  '  done',
  '  [ -n "$names" ] || return 0',
  '  for config in "$XDG_CONFIG_HOME" "$APPDATA" "$HOME/.config" "$USERPROFILE/.config"; do',
  '    config=$config/ddv/config.yaml',
  '    [ ! -e "$config" ] || { [ -f "$config" ] && configs=$configs$config$newline; } || return 1',
  '  done',
  '  if [ -n "$configs" ]; then',
  '    # A backslash may spell the name of a key in another way.',
  `    LC_ALL=C grep -q -F -e ${limitKey.replace('git.', '')} -e '\\' -- $configs 2>/dev/null`,
  '    [ $? -eq 1 ] || return 1',
  '  fi',
  '  covers=$(git --no-literal-pathspecs ls-files -- $names $locks 2>/dev/null) || return 1',
  '  for cover in $covers; do',
  '    case $cover in ddv.lock | */ddv.lock) ;; *) return 1 ;; esac',
  '  done',
  '  if [ -n "$covers" ]; then',
  '    git --no-literal-pathspecs grep --cached -q -F $locked -- $locks 2>/dev/null',
  '    [ $? -eq 1 ] || return 1',
  '  fi',
  '  [ -n "$ids" ] || return 0',
  '  sizes=$(printf %s "$ids" | git cat-file --batch-check 2>/dev/null) || return 1',
  '  for facts in $sizes; do',
  '    case $facts in *" blob "*) ;; *) return 1 ;; esac',
  `    case \${facts##* } in ${anyLargeSize}) return 1 ;; esac`,
  '  done',
  '}',
]
