// `init`: makes a directory a workspace. Running it again completes what is missing and changes nothing else.

import { existsSync, mkdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { DdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { addAttributes } from '../git/attributes.js'
import { stageFiles } from '../git/git-index.js'
import { ignoreNames } from '../git/ignore-lines.js'
import { findRepository } from '../git/repository.js'
import { writeFileAtomic } from '../sys/fs.js'
import type { Environment } from '../sys/spawn.js'
import { statIfThere } from '../sys/stats.js'
import { ddvDirectory, findWorkspace } from '../workspace/workspace.js'
import { loadConfig } from './config-files.js'
import { refuseInProduction } from './production.js'

export interface InitOptions extends Control {
  /** The directory that becomes the workspace: absolute. */
  readonly directory: string
  /** For the git program. */
  readonly env: Environment
  /** Without git: nothing is ignored or staged. */
  readonly noGit?: boolean | undefined
}

export interface InitResult {
  readonly root: string
  /** Whether this call made it a workspace. */
  readonly created: boolean
  readonly git: boolean
}

const configText = `# ddv's settings for everybody who uses this repository. 'ddv config' reads and writes them.
`

// What programs leave beside what people make; a stage that reads a directory of sources would change it by running.
const ignoreText = `# What ddv never looks at, in git's syntax.
__pycache__/
.ipynb_checkpoints/
.DS_Store
`

const ddvIgnoreText = `*
!.gitignore
!config.yaml
`

export async function init(options: InitOptions): Promise<InitResult> {
  const { directory: root, env, noGit = false } = options
  refuseInProduction(await loadConfig({ root, env }), 'init')
  const outer = findWorkspace(root)
  if (outer !== undefined && outer.root !== root)
    throw new DdvError('usage', `already inside the workspace ${outer.root}: ${root}`, {
      hint: 'a workspace inside a workspace would hide its data from the outer one',
    })
  const git = noGit ? undefined : findRepository(root, env)
  if (git === undefined && !noGit)
    throw new DdvError('git', `not in a git repository: ${root}`, {
      hint: `run 'git init' first, or 'ddv init --no-git' to use ddv without git`,
    })
  const created = outer === undefined
  if (statIfThere(join(root, ddvDirectory))?.isDirectory() === false)
    throw new DdvError('usage', `is no directory, and one is needed there: ${join(root, ddvDirectory)}`, {
      hint: 'move it away first',
    })
  mkdirSync(join(root, ddvDirectory), { recursive: true })
  const own = [
    writeIfAbsent(join(root, ddvDirectory, 'config.yaml'), configText),
    writeIfAbsent(join(root, ddvDirectory, '.gitignore'), ddvIgnoreText),
    writeIfAbsent(join(root, '.ddvignore'), ignoreText),
  ]
  if (git !== undefined) {
    ignoreNames(root, ['.cache'])
    addAttributes(root)
    const files = [...own, join(root, '.gitignore'), join(root, '.gitattributes')]
    await stageFiles(
      git,
      files.map(file => relative(git.root, file)),
      { signal: options.signal },
    )
  }
  return { root, created, git: git !== undefined }
}

function writeIfAbsent(file: string, text: string): string {
  if (!existsSync(file)) writeFileAtomic(file, text)
  return file
}
