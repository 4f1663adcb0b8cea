// Which program runs a script, and how it is told to stop at the first command that fails.

import { accessSync, constants, statSync } from 'node:fs'
import { basename, delimiter, isAbsolute, join, resolve } from 'node:path'
import { systemCode } from '../core/errors.js'
import type { Environment } from '../sys/spawn.js'

/** Shells of the POSIX kind, which all know `-e` and `-c`. */
const posixShells: ReadonlySet<string> = new Set(['sh', 'bash', 'dash', 'ash', 'zsh', 'ksh', 'mksh'])

export interface Shell {
  /** Absolute. */
  readonly program: string
  /** To be followed by the script. */
  readonly args: readonly string[]
}

/**
 * The shell that a stage names, by its name on the `PATH` or by a path that starts at `directory`; otherwise the user's own
 * `$SHELL` where that is of the POSIX kind, and `sh` where not. undefined where there is no such program. Others than those
 * of the POSIX kind (`python3`, `fish`) get the script by `-c`, and decide themselves what ends it.
 */
export function findShell(named: string | undefined, env: Environment, directory: string): Shell | undefined {
  const own = env.SHELL
  const candidates = named !== undefined ? [named] : own !== undefined && isPosix(own) ? [own, 'sh'] : ['sh']
  for (const name of candidates) {
    const program = findProgram(name, env.PATH, directory)
    if (program !== undefined) return { program, args: isPosix(name) ? ['-e', '-c'] : ['-c'] }
  }
  return undefined
}

const isPosix = (program: string): boolean => posixShells.has(basename(program))

function findProgram(name: string, path: string | undefined, directory: string): string | undefined {
  if (isAbsolute(name) || name.includes('/')) return [resolve(directory, name)].find(isProgram)
  return (path ?? '/usr/local/bin:/usr/bin:/bin')
    .split(delimiter)
    .map(place => join(resolve(directory, place), name))
    .find(isProgram)
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return false
  }
}
