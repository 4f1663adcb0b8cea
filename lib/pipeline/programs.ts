// What a stage does, as programs to start one after the other: its scripts by its shell, or this very ddv for a built-in
// step. A step is a process of its own so that a timeout, a Ctrl-C and a crash of a warehouse's driver end it as they end
// any stage, and what it prints and uses is seen alike.

import { DdvError } from '../core/errors.js'
import type { Failure } from '../core/failure.js'
import { atPlace } from '../core/located.js'
import type { Stage } from '../core/stage.js'
import type { Environment } from '../sys/spawn.js'
import { findShell } from './shell.js'

export interface Program {
  /** A path, absolute. */
  readonly file: string
  readonly args: readonly string[]
}

export interface ProgramsOptions {
  /** The workspace, absolute. */
  readonly root: string
  /** Where the stage runs, absolute. */
  readonly directory: string
  readonly env: Environment
  /** What runs steps: a program and its first arguments. */
  readonly ddv: readonly string[] | undefined
}

/** A failure where there is no such shell. Throws `usage` for a step where nobody said what runs steps. */
export function programsOf(
  { action, position }: Pick<Stage, 'action' | 'position'>,
  { root, directory, env, ddv = [] }: ProgramsOptions,
): readonly Program[] | Failure {
  if (action.kind === 'step') {
    const [file, ...first] = ddv
    if (file === undefined)
      throw new DdvError(
        'usage',
        `nothing runs the built-in step '${action.uses}' here: ${atPlace(position.file, position)}`,
        {
          hint: `give the stage a 'cmd'; a program that calls the library names what runs steps in the option 'ddv'`,
        },
      )
    return [{ file, args: [...first, '--cd', root, 'step', action.uses, JSON.stringify(action.with)] }]
  }
  const shell = findShell(action.shell, env, directory)
  if (shell === undefined) return { kind: 'not-found', what: 'shell', name: action.shell ?? 'sh' }
  return action.commands.map(script => ({ file: shell.program, args: [...shell.args, script] }))
}
