// The merge driver and the textconv that `.gitattributes` names (see attributes.ts): settings of this clone, shared by its
// linked worktrees. git never takes them from what was cloned, so they are installed, as hooks are.

import { sep } from 'node:path'
import { DdvError } from '../core/errors.js'
import { tryGit } from './git-program.js'
import { type GitRepository, repositoryConfig } from './repository.js'

/** Who is called: absolute paths of node and of ddv's own file. Where they are gone, whichever `ddv` is on `PATH`. */
export interface Installation {
  readonly node: string
  readonly program: string
}

// `diff.ddv.cachetextconv` stays off: what a large directory shows depends on whether its manifest is in the cache.
const keys = ['merge.ddv.name', 'merge.ddv.driver', 'diff.ddv.textconv'] as const
type Settings = Readonly<Record<(typeof keys)[number], string>>

/** Throws `git` where there is no git program: nobody would call them either. Again is harmless. */
export async function installDrivers(repository: GitRepository, installation: Installation): Promise<void> {
  const settings = driverSettings(installation)
  for (const key of keys) await config(repository, ['--replace-all', key, settings[key]], [0])
}

/** Takes away what `installDrivers` wrote, and no other setting. */
export async function uninstallDrivers(repository: GitRepository): Promise<void> {
  for (const key of keys) await config(repository, ['--unset-all', key], [0, 5]) // 5: there was none
}

/** `other`: they are there, and call another node or ddv than this installation, or are not whole. Starts no program. */
export type DriverState = 'installed' | 'other' | 'absent'

export function driverState(repository: GitRepository, installation: Installation): DriverState {
  const present = repositoryConfig(repository)
  const settings = driverSettings(installation)
  if (keys.every(key => present.get(key) === settings[key])) return 'installed'
  return keys.some(key => present.has(key)) ? 'other' : 'absent'
}

/** Whether git would call some ddv to merge and to show pointers. Starts no program. */
export function hasDrivers(repository: GitRepository): boolean {
  const present = repositoryConfig(repository)
  return present.has('merge.ddv.driver') && present.has('diff.ddv.textconv')
}

async function config(repository: GitRepository, args: readonly string[], answers: readonly number[]): Promise<void> {
  if ((await tryGit(repository, ['config', '--local', ...args], { answers })) !== undefined) return
  throw new DdvError('git', `no git program, and merging and showing pointers are its settings: ${repository.root}`, {
    hint: 'install git, then run the same command again',
  })
}

/**
 * git gives both to a shell. It puts arguments for `%O` and the like, so that a `%` of a path is doubled; the textconv's
 * argument is put behind it as `"$@"`, so that it has to end in something that takes it.
 */
function driverSettings({ node, program }: Installation): Settings {
  const [runtime, script] = [shellWord(node), shellWord(program)]
  const call = (verb: string, args: string, otherwise: string): string =>
    [
      `if test -x ${runtime} && test -f ${script}; then ${runtime} ${script} ${verb} ${args}`,
      `elif command -v ddv >/dev/null; then ddv ${verb} ${args}`,
      `else ${otherwise}; fi`,
    ].join('; ')
  const literal = (text: string): string => text.replaceAll('%', '%%')
  const gone = `echo 'ddv: error: ddv is not found, so no pointer can be merged' >&2; exit 1`
  const merge = call('git-merge', '\0', gone)
  return {
    'merge.ddv.name': 'pointers by file, ddv.lock by stage',
    'merge.ddv.driver': literal(merge).replaceAll('\0', '%O %A %B %P'),
    'diff.ddv.textconv': `show() { ${call('git-textconv', '"$1"', 'cat "$1"')}; }; show`,
  }
}

function shellWord(path: string): string {
  const plain = sep === '/' ? path : path.replaceAll(sep, '/')
  return `'${plain.replaceAll("'", `'\\''`)}'`
}
