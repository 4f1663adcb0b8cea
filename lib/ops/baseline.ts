// Which version an output's data came from: the pointer that the last add or checkout brought data and pointer together
// by. Where git has changed the pointer since, the data is behind it, and to add it would silently take back what came with
// the new pointer. Kept in the stat index, so it may be unknown; then nothing is said.

import { type Digest, isDigest } from '../core/digest.js'
import { DdvError } from '../core/errors.js'
import type { Pointer } from '../core/pointer.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import type { Project } from './project.js'

const key = (output: TreePath): string => `b/${output}`

export interface Baseline {
  readonly output: TreePath
  /** undefined: nothing is known of it. */
  readonly hash: Digest | undefined
}

export function baselineOf(project: Project, output: TreePath): Baseline {
  const known = project.index().notes.get(key(output))?.toString('hex')
  return { output, hash: isDigest(known) ? known : undefined }
}

/** Data and pointer of these outputs are one now. */
export function noteBaselines(project: Project, outputs: readonly Baseline[]): void {
  const fresh = outputs.filter(({ output, hash }) => baselineOf(project, output).hash !== hash)
  if (fresh.length === 0) return
  const { notes } = project.index()
  notes.write(batch => {
    for (const { output, hash } of fresh)
      if (hash === undefined) batch.remove(key(output))
      else batch.put(key(output), Buffer.from(hash, 'hex'))
  })
  notes.flush() // at once: what is not written down yet would hide what other processes write
}

/** Whether the pointer is another than the one that the data here was last one with. */
export function isBehind(project: Project, output: TreePath, pointer: Pointer): boolean {
  const differs = (): boolean => {
    const { hash } = baselineOf(project, output)
    return hash !== undefined && hash !== pointer.hash
  }
  if (!differs()) return false
  // Another process may have brought the data since this one looked.
  project.index().notes.refresh()
  return differs()
}

export function behindError(output: TreePath, { kind }: Pointer): DdvError {
  const name = displayPath(output)
  const keep =
    kind === 'directory'
      ? `'ddv add ${name}/FILE' puts files that you changed into the newer version, and 'ddv pull' brings the others`
      : `'ddv pull' brings the newer version`
  return new DdvError(
    'would-lose-data',
    `its pointer has changed since this data came here, and to add the data would take that back: ${name}`,
    { hint: `${keep}; 'ddv add --force ${name}' takes the data as it is here` },
  )
}
