// `diff --rows`: of the tables that differ between two sides, which rows and columns do. Versions come from the cache,
// each hashed first, or by way of it from the remote; the workspace's own from where they lie.

import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { blobPath } from '../cache/cache.js'
import { DdvError, isDdvError } from '../core/errors.js'
import { joinTreePath, type TreePath } from '../core/tree-path.js'
import type { Loader } from '../data/duckdb.js'
import { diffRows as diffTables, type RowDiff } from '../data/row-diff.js'
import { type TableFile, tableFormat } from '../data/table-files.js'
import { workTemporaryDirectory } from '../workspace/workspace.js'
import type { OutputFailure } from './add.js'
import { bringFile } from './cat.js'
import { type DiffOptions, type DiffResult, diff, type OutputDiff } from './diff.js'
import type { FileVersion } from './diff-files.js'
import type { Project } from './project.js'
import { type NamedPointer, outputsAt } from './revision.js'

export interface DiffRowsOptions extends DiffOptions {
  /** Columns that together name a row; found for each table where none is given. */
  readonly key?: readonly string[] | undefined
  /** How many rows of each table are given, at most; 1,000 unless told. */
  readonly limit?: number | undefined
  /** Where DuckDB comes from, for tests. */
  readonly load?: Loader | undefined
}

export interface TableDiff extends RowDiff {
  /** Relative to the workspace. */
  readonly path: TreePath
}

export interface DiffRowsResult extends DiffResult {
  /** The tables that are on both sides and differ, sorted as the outputs are. */
  readonly tables: readonly TableDiff[]
}

/** As `diff`, with rows. Throws `refused` where the package that compares them is not installed. */
export async function diffRows(
  project: Project,
  targets: readonly string[],
  options: DiffRowsOptions,
): Promise<DiffRowsResult> {
  const result = await diff(project, targets, options)
  const versions = result.outputs.flatMap(tablesOf)
  if (versions.length === 0) return { ...result, tables: [] }
  const before = await pointersAt(project, result.from.commit, options)
  const after = result.to === undefined ? undefined : await pointersAt(project, result.to.commit, options)
  const tables: TableDiff[] = []
  const failures: OutputFailure[] = [...result.failures]
  for (const version of versions) {
    const { path } = version
    try {
      const old = await fileOf(project, { version, side: version.before, pointers: before }, options)
      const now =
        after === undefined
          ? { path: join(project.workspace.root, path), ...version.format }
          : await fileOf(project, { version, side: version.after, pointers: after }, options)
      tables.push({ path, ...(await diffTables(old, now, tableOptions(project, options))) })
    } catch (error) {
      if (!isDdvError(error) || isDdvError(error, 'interrupted', 'usage') || isNotInstalled(error)) throw error
      failures.push({ path, error })
    }
  }
  return { ...result, failures, tables }
}

const isNotInstalled = ({ hint }: DdvError): boolean => hint?.startsWith('npm install') === true

function tableOptions({ workspace, config }: Project, { key, limit = 1000, signal, load }: DiffRowsOptions) {
  const threads = config.core.jobs ?? availableParallelism()
  return { temporary: join(workTemporaryDirectory(workspace), 'tables'), threads, key, limit, signal, load }
}

interface Version {
  readonly output: TreePath
  /** Relative to the output; '' for a file output. */
  readonly within: TreePath | ''
  readonly path: TreePath
  readonly before: FileVersion
  readonly after: FileVersion
  readonly format: Pick<TableFile, 'format' | 'gzip'>
}

/** The tables of one output whose content is another than before. */
function tablesOf({ path: output, change, before, after, files }: OutputDiff): Version[] {
  if (change !== 'modified') return []
  if (before?.kind === 'file' && after?.kind === 'file') {
    const format = tableFormat(output)
    const [old, now] = [toFile(before), toFile(after)]
    if (format === undefined || old === undefined || now === undefined || old.hash === now.hash) return []
    return [{ output, within: '', path: output, before: old, after: now, format }]
  }
  return files.flatMap(file => {
    const format = tableFormat(file.path)
    if (format === undefined || file.before === undefined || file.after === undefined) return []
    if (file.before.hash === file.after.hash) return []
    const within = file.path as TreePath
    return [{ output, within, path: joinTreePath(output, within), before: file.before, after: file.after, format }]
  })
}

const toFile = ({ hash, size, executable = false }: NonNullable<OutputDiff['before']>): FileVersion | undefined =>
  hash === undefined ? undefined : { hash, size, executable }

async function pointersAt(
  project: Project,
  commit: string,
  options: DiffOptions,
): Promise<ReadonlyMap<TreePath, NamedPointer>> {
  return new Map((await outputsAt(project, commit, options)).outputs.map(named => [named.path, named]))
}

interface Wanted {
  readonly version: Version
  readonly side: FileVersion
  readonly pointers: ReadonlyMap<TreePath, NamedPointer>
}

async function fileOf(project: Project, { version, side, pointers }: Wanted, options: DiffOptions): Promise<TableFile> {
  const named = pointers.get(version.output)
  if (named === undefined) throw new DdvError('changed', `pointer vanished: ${version.output}.ddv`)
  const { hash: digest, size, executable } = side
  await bringFile(project, named, { path: version.within as TreePath, digest, size, executable }, options)
  return { path: blobPath(project.cache, digest), ...version.format }
}
