// Programs that manage a repository's hooks by files of their own, and what to paste there, so that hooks come with the
// repository and are not overwritten when the manager writes its own again.

import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { systemCode } from '../core/errors.js'
import { type HookName, hookNames } from './hook-script.js'

export interface HookManager {
  readonly name: 'husky' | 'lefthook' | 'pre-commit'
  /** What to paste, by file, relative to the repository's root. */
  readonly lines: readonly { readonly file: string; readonly text: string; readonly present: boolean }[]
  /** It keeps git's directory of hooks to itself, so that nothing is written there. */
  readonly owns: boolean
}

/** Those in use in this working tree. `hooks` is git's directory of hooks. */
export function findManagers(root: string, hooks: string): HookManager[] {
  const managers: HookManager[] = []
  const isHusky = basename(hooks) === '.husky' || basename(dirname(hooks)) === '.husky'
  if (isHusky || existsSync(join(root, '.husky'))) {
    const directory = isHusky ? huskyDirectory(hooks) : join(root, '.husky')
    const lines = hookNames.map(name => {
      const file = join(directory, name)
      return pasted(root, file.slice(root.length + 1), `ddv hook run ${name} "$@"`)
    })
    managers.push({ name: 'husky', owns: isHusky, lines })
  }
  const lefthook = ['lefthook.yml', '.lefthook.yml', 'lefthook.yaml', '.lefthook.yaml'].find(name =>
    existsSync(join(root, name)),
  )
  if (lefthook !== undefined)
    managers.push({ name: 'lefthook', owns: false, lines: [pasted(root, lefthook, lefthookText)] })
  const preCommit = '.pre-commit-config.yaml'
  if (existsSync(join(root, preCommit)))
    managers.push({ name: 'pre-commit', owns: false, lines: [pasted(root, preCommit, preCommitText)] })
  return managers
}

const huskyDirectory = (hooks: string): string => (basename(hooks) === '.husky' ? hooks : dirname(hooks))

function pasted(root: string, file: string, text: string): HookManager['lines'][number] {
  return { file, text, present: textOf(join(root, file)).includes('ddv hook run') }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return ''
  }
}

const lefthookArguments: Readonly<Record<HookName, string>> = {
  'pre-commit': '',
  'pre-merge-commit': '',
  'pre-push': ' {1} {2}',
  'post-checkout': ' {1} {2} {3}',
  'post-merge': ' {1}',
  'post-rewrite': ' {1}',
}

const lefthookText = hookNames
  .map(name => {
    const input = name === 'pre-push' || name === 'post-rewrite' ? '\n      use_stdin: true' : ''
    return `${name}:\n  commands:\n    ddv:\n      run: ddv hook run ${name}${lefthookArguments[name]}${input}`
  })
  .join('\n')

// pre-commit hands its hooks neither git's arguments nor what git writes to pre-push: those stay git hooks of ddv's.
const preCommitText = `- repo: local
  hooks:
  - id: ddv
    name: ddv
    entry: ddv hook run pre-commit
    language: system
    always_run: true
    pass_filenames: false
    stages: [pre-commit, pre-merge-commit]`
