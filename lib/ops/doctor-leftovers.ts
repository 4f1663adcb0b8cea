// What commands that were killed left among the data. It lies there only where the data is on another file system than
// `.ddv/`, under a name that every listing passes over, so that nobody else would tell of it.

import { type Dirent, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fromSystemError } from '../core/errors.js'
import { dirname, displayPath } from '../core/tree-path.js'
import { isArriving } from '../sys/durable-renames.js'
import { statIfThere } from '../sys/stats.js'
import { listOutputs } from '../workspace/pointers.js'
import { type Check, problem } from './doctor-check.js'
import type { Project } from './project.js'

/** Nothing where there is nothing to tell. */
export function checkLeftovers({ workspace, ignore }: Project): readonly Check[] {
  const { root } = workspace
  try {
    const outputs = listOutputs(root, ignore)
    const beside = [...new Set(outputs.map(dirname))].flatMap(place => arrivingAmong(place, read(root, place)))
    const below = outputs.flatMap(output => arrivingBelow(root, output))
    const [first, ...others] = [...new Set([...beside, ...below])]
    if (first === undefined) return []
    const more = others.length === 0 ? '' : ` (and ${others.length} more)`
    return [
      {
        name: 'leftovers',
        state: 'warning',
        message: `a command that was killed left this: ${displayPath(first)}${more}`,
        hint: 'delete it, unless a ddv is at work here right now',
      },
    ]
  } catch (error) {
    return [problem('leftovers', error)]
  }
}

const pathOf = (place: string, name: string): string => (place === '' ? name : `${place}/${name}`)

const arrivingAmong = (place: string, entries: readonly Dirent[]): string[] =>
  entries.flatMap(({ name }) => (isArriving(name) ? [pathOf(place, name)] : []))

/** Links are not followed. */
function arrivingBelow(root: string, place: string): string[] {
  if (statIfThere(join(root, place))?.isDirectory() !== true) return []
  const entries = read(root, place)
  const directories = entries.filter(entry => entry.isDirectory() && !isArriving(entry.name))
  return [
    ...arrivingAmong(place, entries),
    ...directories.flatMap(({ name }) => arrivingBelow(root, pathOf(place, name))),
  ]
}

function read(root: string, place: string): Dirent[] {
  try {
    return readdirSync(join(root, place), { withFileTypes: true })
  } catch (error) {
    throw fromSystemError(error, displayPath(place))
  }
}
