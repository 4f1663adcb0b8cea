// ddv's hooks in git's directory of hooks. What stands there already keeps its place in the order of things: it gets
// another name and is called first; to uninstall gives it its name back.

import { chmodSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { DdvError, systemCode } from '../core/errors.js'
import { writeFileAtomic } from '../sys/fs.js'
import type { Installation } from './drivers.js'
import { tryGit } from './git-program.js'
import { type HookName, hookNames, hookScript, keptName, sharedKey, whoseHook } from './hook-script.js'
import { noProgram } from './objects.js'
import type { GitRepository } from './repository.js'

export interface HookDirectory {
  readonly path: string
  /** Outside of this repository, as a `core.hooksPath` of the user's own configuration is: others use it too. */
  readonly shared: boolean
  /** In the working tree, where git may track it. */
  readonly inWorktree: boolean
}

/** Where git looks for hooks; linked worktrees share it unless `core.hooksPath` is relative. Throws `git` without the program. */
export async function hookDirectory(repository: GitRepository): Promise<HookDirectory> {
  const result = await tryGit(repository, ['rev-parse', '--git-path', 'hooks'])
  if (result === undefined) throw noProgram()
  const path = resolve(repository.root, result.stdout.toString('utf8').replace(/\n$/, ''))
  const isBelow = (directory: string): boolean => !relative(directory, path).startsWith('..')
  const inGit = isBelow(repository.commonDir)
  return { path, shared: !inGit && !isBelow(repository.root), inWorktree: !inGit && isBelow(repository.root) }
}

/**
 * `installed`: as this installation writes it. `outdated`: by another ddv or node. `edited`: ddv's, changed by hand.
 * `other`: not ddv's. `idle`: ddv's, and git passes over it since it is not executable.
 */
export type HookState = 'installed' | 'outdated' | 'edited' | 'idle' | 'other' | 'absent'

export interface Hook {
  readonly name: HookName
  readonly state: HookState
  /** Whether a hook that was there before is called by it. */
  readonly keeps: boolean
}

/** In the order of `hookNames`. */
export const listHooks = (directory: HookDirectory, installation: Installation): Hook[] =>
  hookNames.map(name => ({
    name,
    state: hookState(directory, name, installation),
    keeps: isThere(join(directory.path, keptName(name))),
  }))

/** Whether git would run some ddv before a push, the one hook that nothing makes up for. Starts no program. */
export const callsDdv = (directory: string): boolean =>
  /\bddv\b.*\bhook run\b/.test(readText(join(directory, 'pre-push')) ?? '')

function hookState({ path, shared }: HookDirectory, name: HookName, installation: Installation): HookState {
  const file = join(path, name)
  const text = readText(file)
  if (text === undefined) return isThere(file) ? 'other' : 'absent'
  const whose = whoseHook(text)
  if (whose !== 'ddv') return whose
  if (text !== hookScript({ ...installation, name, shared })) return 'outdated'
  return process.platform === 'win32' || (statSync(file).mode & 0o111) !== 0 ? 'installed' : 'idle'
}

export interface HookChange {
  readonly name: HookName
  readonly error?: DdvError
}

/** Writes what is not there yet; each hook that cannot be written is named. Killed at any moment, it may run again. */
export async function installHooks(
  repository: GitRepository,
  directory: HookDirectory,
  { force, ...installation }: Installation & { readonly force: boolean },
): Promise<readonly HookChange[]> {
  mkdirSync(directory.path, { recursive: true })
  if (directory.shared) await tryGit(repository, ['config', '--local', sharedKey, 'true'])
  return listHooks(directory, installation).flatMap(({ name, state, keeps }) => {
    if (state === 'installed') return []
    if (state === 'edited' && !force) return [{ name, error: editedError(directory, name) }]
    const file = join(directory.path, name)
    if (state === 'other') {
      if (keeps) return [{ name, error: twoHooksError(directory, name) }]
      renameSync(file, join(directory.path, keptName(name)))
    }
    writeFileAtomic(file, hookScript({ ...installation, name, shared: directory.shared }), { mode: 0o777 })
    chmodSync(file, statSync(file).mode | 0o111)
    return [{ name }]
  })
}

/** Takes ddv's hooks away and gives those that they kept their names back. */
export async function uninstallHooks(
  repository: GitRepository,
  directory: HookDirectory,
  { force, ...installation }: Installation & { readonly force: boolean },
): Promise<readonly HookChange[]> {
  if (directory.shared) {
    // Others may rely on the files there: it is enough that this repository no longer asks for them.
    await tryGit(repository, ['config', '--local', '--unset-all', sharedKey], { answers: [0, 5] })
    return []
  }
  return listHooks(directory, installation).flatMap(({ name, state, keeps }) => {
    const [file, kept] = [join(directory.path, name), join(directory.path, keptName(name))]
    if (state === 'edited' && !force) return [{ name, error: editedError(directory, name) }]
    if (state === 'other') return keeps ? [{ name, error: twoHooksError(directory, name) }] : []
    // Absent with a kept one: an uninstallation that was cut short.
    if (keeps) renameSync(kept, file)
    else if (state !== 'absent') rmSync(file)
    return state === 'absent' && !keeps ? [] : [{ name }]
  })
}

const editedError = ({ path }: HookDirectory, name: HookName): DdvError =>
  new DdvError('refused', `ddv's hook was edited by hand: ${join(path, name)}`, {
    hint: `move your lines to ${keptName(name)} beside it, then run the same command with --force`,
  })

const twoHooksError = ({ path }: HookDirectory, name: HookName): DdvError =>
  new DdvError('refused', `stands in the place of ddv's hook, which keeps another one already: ${join(path, name)}`, {
    hint: `join it and ${keptName(name)} into one, then run the same command again`,
  })

const isThere = (file: string): boolean => lstatSync(file, { throwIfNoEntry: false }) !== undefined

/** undefined where there is no readable file: a directory, or a link that leads nowhere. */
function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return undefined
  }
}
