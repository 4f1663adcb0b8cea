// Files of parameters as they are now, each read once while it stays as it is: a stage may write one that the next reads.

import { join } from 'node:path'
import { DdvError } from '../core/errors.js'
import type { JsonRecord } from '../core/json.js'
import { decodeParams, paramAt } from '../core/params-file.js'
import type { ParamsOf } from '../core/stage.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { openInside } from '../sys/inside.js'
import { readRegular } from '../sys/read-stable.js'
import { statIfThere } from '../sys/stats.js'
import type { Project } from './project.js'

/** By dotted key; under the key '' for a file that is named as a whole. */
export interface PickedParams {
  readonly values: JsonRecord
  /** Keys that the file has not, or '' for a file that is not there. */
  readonly missing: readonly string[]
}

/** The params of one file that a stage names. */
export function pickParams(content: JsonRecord | undefined, keys: readonly string[] | undefined): PickedParams {
  if (content === undefined) return { values: {}, missing: keys ?? [''] }
  if (keys === undefined) return { values: { '': content }, missing: [] }
  const found = keys.map(key => [key, paramAt(content, key)] as const)
  return {
    values: Object.fromEntries(found.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]))),
    missing: found.flatMap(([key, value]) => (value === undefined ? [key] : [])),
  }
}

/** A class because it remembers. */
export class ParamFiles {
  readonly #project: Project
  readonly #known = new Map<TreePath, { readonly state: string; readonly content: JsonRecord | undefined }>()

  constructor(project: Project) {
    this.#project = project
  }

  pick({ file, keys }: Pick<ParamsOf, 'file' | 'keys'>): PickedParams {
    return pickParams(this.find(file), keys)
  }

  /** undefined where there is no such file. Throws `bad-config` for what cannot be read as its name says. */
  find(file: TreePath): JsonRecord | undefined {
    const { root } = this.#project.workspace
    const stat = statIfThere(join(root, file))
    const state = stat === undefined ? '' : [stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(' ')
    const known = this.#known.get(file)
    if (known?.state === state) return known.content
    const content = stat === undefined ? undefined : decodeParams(readText(root, file), file)
    this.#known.set(file, { state, content })
    return content
  }
}

/** The text of a small file in the workspace that people write. Throws `bad-config` where it is no regular file. */
export function readText(root: string, file: TreePath): string {
  const bytes = readRegular(openInside(root).path(file))
  if (bytes === undefined) throw new DdvError('bad-config', `is not a regular file: ${displayPath(file)}`)
  return bytes.toString()
}
