// `metrics`: the numbers that stages left, of the workspace and of commits: the outs of kind metrics, and the files that
// the top of `ddv.yaml` names.

import { type DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { Json } from '../core/json.js'
import { decodeMetrics } from '../core/params-file.js'
import type { Stage } from '../core/stage.js'
import { compareUtf8, displayPath, isWithin, type TreePath } from '../core/tree-path.js'
import { listRefs } from '../git/refs.js'
import { findCommit } from '../git/revisions.js'
import { toTreePath } from '../workspace/workspace.js'
import type { OutputFailure } from './add.js'
import { loadPipelineFrom, noPipeline, type Pipeline, selectTyped } from './pipeline.js'
import type { Project } from './project.js'
import { requireGit } from './revision.js'
import { commitSource, type TextSource, workspaceSource } from './text-source.js'
import { diffSides, openSides, readValues, type ValuesDiff, type ValuesDiffOptions, warningOf } from './values-diff.js'

export interface ShowMetricsOptions extends Control {
  readonly cwd: string
  /** The workspace where nothing of these is given. */
  readonly revisions?: readonly string[] | undefined
  readonly allBranches?: boolean | undefined
  readonly allTags?: boolean | undefined
}

export interface MetricsFile {
  readonly path: TreePath
  readonly values: Json
}

/** The metrics of one version. */
export interface MetricsVersion {
  /** Absent for the workspace. */
  readonly revision?: string
  readonly commit?: string
  /** Sorted by path. */
  readonly files: readonly MetricsFile[]
  /** Named, and not here: not made, or not in the cache. */
  readonly absent: readonly TreePath[]
}

export interface MetricsResult {
  readonly versions: readonly MetricsVersion[]
  readonly failures: readonly OutputFailure[]
}

/**
 * Targets are files of metrics, what lies above them, or stages. Throws `usage` for one that no version has, and for
 * unknown revisions.
 */
export async function showMetrics(
  project: Project,
  targets: readonly string[],
  options: ShowMetricsOptions,
): Promise<MetricsResult> {
  const versions: MetricsVersion[] = []
  const failures: OutputFailure[] = []
  const wanted = new Wanted(project, targets, options.cwd)
  for (const open of await sourcesOf(project, options)) {
    const source = await open()
    try {
      const shown = await versionOf(project, source, { wanted, ...options })
      versions.push(shown.version)
      failures.push(...shown.failures)
    } catch (error) {
      // Of many versions one that cannot be read is one.
      if (source.at === undefined || !isDdvError(error, 'bad-config')) throw error
      failures.push({ path: source.at.revision, error })
    }
  }
  if (failures.length === 0) wanted.refuseUnmatched()
  return { versions, failures }
}

type OpenSource = () => TextSource | Promise<TextSource>

// Opened one after the other, since each holds the names of a whole tree.
async function sourcesOf(project: Project, options: ShowMetricsOptions): Promise<readonly OpenSource[]> {
  const { revisions = [], allBranches = false, allTags = false, signal } = options
  if (revisions.length === 0 && !allBranches && !allTags) return [() => workspaceSource(project)]
  const git = requireGit(project)
  const named = new Map(revisions.map(revision => [revision, revision]))
  for (const kind of ['heads', 'tags'] as const)
    if (kind === 'heads' ? allBranches : allTags)
      for (const name of await listRefs(git, kind, { signal })) {
        const ref = `refs/${kind}/${name}`
        // A tag may be of something else than a commit.
        if (!named.has(name) && (await findCommit(git, ref)) !== undefined) named.set(name, ref)
      }
  return [...named].map(
    ([name, revision]) =>
      () =>
        commitSource(project, revision, { name, signal }),
  )
}

async function versionOf(
  project: Project,
  source: TextSource,
  { wanted, onEvent }: Control & { readonly wanted: Wanted },
): Promise<{ version: MetricsVersion; failures: readonly OutputFailure[] }> {
  const pipeline = await loadPipelineFrom(source)
  if (source.at === undefined && pipeline.files.length === 0) throw noPipeline()
  const found = await readValues(project, source, { paths: wanted.among(pipeline), decode: decodeMetrics })
  const files: MetricsFile[] = []
  const absent: TreePath[] = []
  const failures: OutputFailure[] = []
  for (const [path, values] of found) {
    if (values === undefined) {
      absent.push(path)
      if (source.at === undefined) onEvent?.(notMade(path))
    } else if (!isDdvError(values)) files.push({ path, values })
    else if (isDdvError(values, 'missing')) {
      absent.push(path)
      onEvent?.(warningOf(values))
    } else failures.push({ path, error: values })
  }
  return { version: { ...source.at, files, absent }, failures }
}

const notMade = (path: TreePath) =>
  ({
    type: 'warning',
    message: `metrics are not there yet: ${displayPath(path)}`,
    hint: `'ddv repro' makes what is not made`,
  }) as const

/** What differs; of what no version names, nothing. Throws as `showMetrics`. */
export async function diffMetrics(
  project: Project,
  targets: readonly string[],
  options: ValuesDiffOptions,
): Promise<ValuesDiff> {
  const sides = await openSides(project, options)
  const [before, after] = [await loadPipelineFrom(sides[0]), await loadPipelineFrom(sides[1])]
  if (before.files.length + after.files.length === 0) throw noPipeline()
  const wanted = new Wanted(project, targets, options.cwd)
  const paths = [...wanted.among(before), ...wanted.among(after)]
  wanted.refuseUnmatched()
  return diffSides(project, sides, { ...options, paths, decode: decodeMetrics })
}

/** A class because it remembers which targets were found in some version. */
class Wanted {
  readonly #project: Project
  readonly #targets: readonly string[]
  readonly #cwd: string
  readonly #unmatched = new Map<string, DdvError>()
  readonly #matched = new Set<string>()

  constructor(project: Project, targets: readonly string[], cwd: string) {
    this.#project = project
    this.#targets = targets
    this.#cwd = cwd
  }

  /** Sorted. */
  among(pipeline: Pipeline): readonly TreePath[] {
    const all = metricsOf(pipeline)
    if (this.#targets.length === 0) return all
    const chosen = new Set<TreePath>()
    for (const target of this.#targets) for (const path of this.#find(pipeline, target, all)) chosen.add(path)
    return all.filter(path => chosen.has(path))
  }

  /** Throws `usage`. */
  refuseUnmatched(): void {
    for (const [target, error] of this.#unmatched) if (!this.#matched.has(target)) throw error
  }

  #find(pipeline: Pipeline, target: string, all: readonly TreePath[]): readonly TreePath[] {
    try {
      const path = toTreePath(this.#project.workspace, target, this.#cwd)
      const below = all.filter(one => isWithin(one, path))
      const options = { targets: [target], cwd: this.#cwd, reach: 'single' } as const
      const found = below.length > 0 ? below : selectTyped(this.#project, pipeline, options).stages.flatMap(metricOuts)
      this.#matched.add(target)
      return found
    } catch (error) {
      if (!isDdvError(error, 'usage')) throw error
      this.#unmatched.set(target, error)
      return []
    }
  }
}

const metricOuts = ({ outs }: Stage): readonly TreePath[] =>
  outs.flatMap(({ kind, path }) => (kind === 'metrics' ? [path] : []))

const metricsOf = ({ graph, top }: Pipeline): readonly TreePath[] =>
  [...new Set([...graph.stages.flatMap(metricOuts), ...top.metrics.map(({ path }) => path)])].sort(compareUtf8)
