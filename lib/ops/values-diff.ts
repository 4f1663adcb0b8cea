// What differs between the values in files of two versions: params and metrics are held side by side in the same way.

import { type DdvError, isDdvError } from '../core/errors.js'
import type { Control, Event } from '../core/events.js'
import { diffValues, type FlatValues, flatten, type ValueChange } from '../core/flat-values.js'
import type { Json } from '../core/json.js'
import { compareUtf8, type TreePath } from '../core/tree-path.js'
import type { OutputFailure } from './add.js'
import { type Found, readDataAt } from './data-at.js'
import type { DiffSide } from './diff.js'
import type { Project } from './project.js'
import { commitSource, namedAt, type TextSource, workspaceSource } from './text-source.js'

export interface ValuesDiffOptions extends Control {
  readonly cwd: string
  /** HEAD unless told. */
  readonly from?: string | undefined
  /** The workspace unless told. */
  readonly to?: string | undefined
  /** Values that are the same, too. */
  readonly all?: boolean | undefined
}

export interface FileChanges {
  readonly path: TreePath
  /** Sorted by key. */
  readonly changes: readonly ValueChange[]
}

export interface ValuesDiff {
  readonly from: DiffSide
  /** undefined for the workspace. */
  readonly to: DiffSide | undefined
  /** Those with anything to tell, sorted by path. */
  readonly files: readonly FileChanges[]
  /** Not compared, since the cache lacks what one side had. */
  readonly absent: readonly TreePath[]
  readonly failures: readonly OutputFailure[]
}

export type Sides = readonly [before: TextSource, after: TextSource]

/** Throws `usage` for unknown revisions, `git` without a repository. */
export async function openSides(project: Project, { from = 'HEAD', to, signal }: ValuesDiffOptions): Promise<Sides> {
  const before = await commitSource(project, from, { signal })
  return [before, to === undefined ? workspaceSource(project) : await commitSource(project, to, { signal })]
}

export interface Comparison {
  readonly paths: Iterable<TreePath>
  /** Throws `bad-config`. */
  readonly decode: (text: string, path: TreePath) => Json
}

export async function diffSides(
  project: Project,
  [before, after]: Sides,
  { paths, decode, all = false, onEvent }: Comparison & ValuesDiffOptions,
): Promise<ValuesDiff> {
  const sorted = [...new Set(paths)].sort(compareUtf8)
  const [old, now] = [
    await readValues(project, before, { paths: sorted, decode }),
    await readValues(project, after, { paths: sorted, decode }),
  ]
  const files: FileChanges[] = []
  const absent: TreePath[] = []
  const failures: OutputFailure[] = []
  for (const path of sorted) {
    const [was, is] = [old.get(path), now.get(path)]
    if (isDdvError(was) || isDdvError(is)) {
      const errors = [is, was].filter(side => isDdvError(side))
      const worst = errors.find(error => !isDdvError(error, 'missing'))
      if (worst !== undefined) failures.push({ path, error: worst })
      else {
        absent.push(path)
        for (const error of errors) onEvent?.(warningOf(error))
      }
      continue
    }
    const changes = diffValues(flatOf(was), flatOf(is), { all })
    if (changes.length > 0) files.push({ path, changes })
  }
  return { from: before.at as DiffSide, to: after.at, files, absent, failures }
}

/** Why they cannot be told; undefined where nothing is there. */
export type Values = Json | DdvError | undefined

const flatOf = (values: Json | undefined): FlatValues => (values === undefined ? new Map() : flatten(values))

/** What each file holds. */
export async function readValues(
  project: Project,
  source: TextSource,
  { paths, decode }: Comparison,
): Promise<ReadonlyMap<TreePath, Values>> {
  const found = await readDataAt(project, source, [...paths])
  const decoded = (path: TreePath, bytes: Found): Values => {
    if (bytes === undefined || isDdvError(bytes)) return bytes
    try {
      return decode(bytes.toString(), path)
    } catch (error) {
      if (isDdvError(error)) return namedAt(source, error)
      throw error
    }
  }
  return new Map([...found].map(([path, bytes]) => [path, decoded(path, bytes)]))
}

export const warningOf = ({ message, hint }: DdvError): Event => ({
  type: 'warning',
  message,
  ...(hint !== undefined && { hint }),
})
