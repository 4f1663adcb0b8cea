// Whether an output is in its place just as its pointer says, whatever cache and remote have.

import { isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { executableRow, isUnchanged, readContent, scanOf } from './compare.js'
import type { Project } from './project.js'
import { pointerOf, type Target } from './targets.js'

/** By the stat index, or by reading what that does not know. False also where the pointer cannot be read. */
export async function isInPlace(project: Project, target: Target, control: Control): Promise<boolean> {
  const { output } = target
  try {
    const pointer = pointerOf(project, target)
    const scan = await scanOf(project, output, control)
    if (scan === undefined) return false
    if (isUnchanged(project, { output, pointer, scan })) return true
    if (scan.kind !== pointer.kind || scan.problems.length > 0) return false
    const { summary, snapshot, unreadable } = await readContent(project, output, scan, control)
    if (unreadable.length > 0 || summary.hash !== pointer.hash) return false
    return pointer.kind === 'directory' || executableRow(snapshot.table.stats, 0) === pointer.executable
  } catch (error) {
    if (!isDdvError(error) || isDdvError(error, 'interrupted')) throw error
    return false // whoever is to change it will say why it cannot
  }
}
