// What no two stages may both make, and what none may.

import { DdvError } from './errors.js'
import { atPlace } from './located.js'
import { type Dependency, lockFileName, pipelineFileName, type Stage, stageAddress, writtenBy } from './stage.js'
import { basename, displayPath, isWithin, type TreePath } from './tree-path.js'

const bad = (problem: string, { position }: Dependency): DdvError =>
  new DdvError('bad-config', `${problem}: ${atPlace(position.file, position)}`)

/** Throws `bad-config` where an out cannot be one, or meets another. The stages may be of several files. */
export function checkOuts(stages: readonly Stage[]): void {
  const owners = new Map<TreePath, { readonly stage: Stage; readonly out: Dependency }>()
  for (const stage of stages)
    for (const out of writtenBy(stage)) {
      checkOut(stage, out)
      const other = owners.get(out.path)
      if (other !== undefined) throw bad(twice(out, { stage, other: other.stage }), out)
      owners.set(out.path, { stage, out })
    }
  for (const { stage, out } of owners.values()) checkParents(stage, { out, owners })
}

function twice(out: Dependency, { stage, other }: { readonly stage: Stage; readonly other: Stage }): string {
  const path = displayPath(out.path)
  if (stage === other) return `stage '${stageAddress(stage)}' has the out '${path}' twice`
  return `'${path}' is an out of stage '${stageAddress(other)}' and of '${stageAddress(stage)}'`
}

function checkOut(stage: Stage, out: Dependency): void {
  const name = basename(out.path)
  const path = displayPath(out.path)
  const address = stageAddress(stage)
  if (name === pipelineFileName || name === lockFileName || name.endsWith('.ddv'))
    throw bad(`'${path}' of stage '${address}' is a file of ddv's own`, out)
  if (isWithin(stage.file, out.path))
    throw bad(`out '${path}' of stage '${address}' holds the stage's own ${pipelineFileName}`, out)
  for (const dep of stage.deps) {
    if (dep.path === out.path) throw bad(`'${path}' is an out of stage '${address}' and its own dep`, out)
    if (isWithin(dep.path, out.path) || isWithin(out.path, dep.path))
      throw bad(
        `out '${path}' of stage '${address}' and its own dep '${displayPath(dep.path)}' are one in the other`,
        out,
      )
  }
}

interface Owned {
  readonly out: Dependency
  readonly owners: ReadonlyMap<TreePath, { readonly stage: Stage; readonly out: Dependency }>
}

function checkParents(stage: Stage, { out, owners }: Owned): void {
  for (let slash = out.path.lastIndexOf('/'); slash > 0; slash = out.path.lastIndexOf('/', slash - 1)) {
    const other = owners.get(out.path.slice(0, slash) as TreePath)
    if (other !== undefined)
      throw bad(
        `out '${displayPath(out.path)}' of stage '${stageAddress(stage)}' lies in '${displayPath(other.out.path)}', an out of '${stageAddress(other.stage)}'`,
        out,
      )
  }
}
