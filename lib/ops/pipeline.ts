// All stages of the workspace: every `ddv.yaml` in it, its templates filled from the files that it names.

import { join } from 'node:path'
import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { expandStages } from '../core/expand-stages.js'
import type { JsonRecord } from '../core/json.js'
import { atPlace } from '../core/located.js'
import { decodeParams } from '../core/params-file.js'
import { decodePipelineFile, type PipelineFile, type PipelineWarning } from '../core/pipeline-file.js'
import { type Dependency, groupOf, pipelineFileName } from '../core/stage.js'
import { joinTreePath, type TreePath } from '../core/tree-path.js'
import { buildGraph, type Graph } from '../pipeline/graph.js'
import { type Reach, selectStages } from '../pipeline/select-stages.js'
import { statIfThere } from '../sys/stats.js'
import { findFiles } from '../workspace/pointers.js'
import { toTreePath } from '../workspace/workspace.js'
import { type ParamFiles, readText } from './param-files.js'
import type { Project } from './project.js'
import { namedAt, type TextSource } from './text-source.js'

export interface Pipeline {
  readonly graph: Graph
  /** The `ddv.yaml` files, sorted. */
  readonly files: readonly TreePath[]
  readonly warnings: readonly PipelineWarning[]
  /** Files that are there and that templates are filled from. */
  readonly valueFiles: readonly TreePath[]
  /** Files that are named beside the stages. */
  readonly top: Readonly<Record<'params' | 'metrics' | 'plots', readonly Dependency[]>>
}

/** Throws `bad-config` for what cannot be read or does not fit together. */
export function loadPipeline(project: Project, params: ParamFiles): Pipeline {
  const files = findFiles(project.workspace.root, project.ignore, pipelineFileName)
  return pipelineOf(
    files.map(file => decodePipelineFile(readText(project.workspace.root, file), file)),
    path => params.find(path),
  )
}

/** The same of whatever has such files. What is wrong in a commit is told with its name. */
export async function loadPipelineFrom(source: TextSource): Promise<Pipeline> {
  try {
    const names = await source.find(pipelineFileName)
    const texts = await source.read(names)
    const files = names.map(file => decodePipelineFile(textOf(texts.get(file)), file))
    const contents = await source.read(files.flatMap(({ requiredFiles }) => requiredFiles.map(({ path }) => path)))
    return pipelineOf(files, path => (contents.has(path) ? decodeParams(textOf(contents.get(path)), path) : undefined))
  } catch (error) {
    throw isDdvError(error) ? namedAt(source, error) : error
  }
}

function textOf(found: Buffer | DdvError | undefined): string {
  if (isDdvError(found)) throw found
  return found?.toString() ?? ''
}

/** The files together. `find` gives the files that their templates name, parsed. */
export function pipelineOf(files: readonly PipelineFile[], find: (path: TreePath) => JsonRecord | undefined): Pipeline {
  const required = new Map<TreePath, JsonRecord>()
  for (const { path } of files.flatMap(({ requiredFiles }) => requiredFiles)) {
    const content = required.get(path) ?? find(path)
    if (content !== undefined) required.set(path, content)
  }
  const parts = files.map(file => expandStages(file, { files: required }))
  return {
    graph: buildGraph(parts.flatMap(({ stages }) => stages)),
    files: files.map(({ file }) => file),
    warnings: parts.flatMap(({ warnings }) => warnings),
    valueFiles: [...required.keys()],
    top: {
      params: parts.flatMap(({ top }) => top.params),
      metrics: parts.flatMap(({ top }) => top.metrics),
      plots: parts.flatMap(({ top }) => top.plots),
    },
  }
}

/** What is no error and yet not as whoever wrote it may think. */
export function warnOfPipeline({ warnings }: Pipeline, { onEvent }: Control): void {
  for (const { position, message } of warnings)
    onEvent?.({ type: 'warning', message: `${message}: ${atPlace(position.file, position)}` })
}

/** Throws `usage` where the workspace has no pipeline at all. */
export function requirePipeline(project: Project, params: ParamFiles): Pipeline {
  const pipeline = loadPipeline(project, params)
  if (pipeline.files.length > 0) return pipeline
  const isLike = statIfThere(join(project.workspace.root, 'dvc.yaml')) !== undefined
  throw noPipeline(isLike ? `the fields of dvc.yaml are the same: 'git mv dvc.yaml ${pipelineFileName}'` : undefined)
}

export const noPipeline = (hint = 'write one, or begin with: ddv stage add NAME -d DEP -o OUT -- COMMAND'): DdvError =>
  new DdvError('usage', `no ${pipelineFileName} in this workspace`, { hint })

/**
 * What a person typed, for `selectStages`: a stage of the `ddv.yaml` where they are comes first, then any stage of that
 * name; what is neither is a path from there.
 */
export function selectTyped(
  project: Project,
  { graph, files }: Pick<Pipeline, 'graph' | 'files'>,
  { targets, cwd, reach }: { readonly targets: readonly string[]; readonly cwd: string; readonly reach: Reach },
): Graph {
  const here = toTreePath(project.workspace, '.', cwd)
  const own = joinTreePath(here, pipelineFileName as TreePath)
  const stagesOf = (file?: TreePath): Set<string> =>
    new Set(
      graph.stages.flatMap(stage =>
        file === undefined || stage.file === file ? [stage.name, groupOf(stage.name)] : [],
      ),
    )
  const near = here !== '' && files.includes(own) ? stagesOf(own) : new Set<string>()
  const all = stagesOf()
  const read = (typed: string): string => {
    if (near.has(typed)) return `${own}:${typed}`
    if (all.has(typed)) return typed
    // `sub/ddv.yaml:train` has a path before its colon.
    const [, file, name] = /^(.*ddv\.yaml):([^/]+)$/s.exec(typed) ?? []
    const path = toTreePath(project.workspace, file ?? typed, cwd)
    if (name !== undefined) return `${path}:${name}`
    return path === '' ? typed : files.includes(path) ? path : `./${path}`
  }
  return selectStages(graph, targets.map(read), reach)
}
