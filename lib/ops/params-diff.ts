// `params diff`: what differs between the parameters of two versions, in the files that stages, templates or the top of
// `ddv.yaml` name on either side.

import { DdvError } from '../core/errors.js'
import { decodeParams } from '../core/params-file.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { toTreePath } from '../workspace/workspace.js'
import { loadPipelineFrom, noPipeline, type Pipeline } from './pipeline.js'
import type { Project } from './project.js'
import { diffSides, openSides, type Sides, type ValuesDiff, type ValuesDiffOptions } from './values-diff.js'

/** `files`: these alone, whoever names them. Throws `usage` for one that neither side has. */
export async function diffParams(
  project: Project,
  files: readonly string[],
  options: ValuesDiffOptions,
): Promise<ValuesDiff> {
  const sides = await openSides(project, options)
  const paths = files.length > 0 ? await typedFiles(project, files, { ...options, sides }) : await namedFiles(sides)
  return diffSides(project, sides, { ...options, paths, decode: decodeParams })
}

async function namedFiles(sides: Sides): Promise<readonly TreePath[]> {
  const [before, after] = [await loadPipelineFrom(sides[0]), await loadPipelineFrom(sides[1])]
  if (before.files.length + after.files.length === 0) throw noPipeline()
  return [...filesOf(before), ...filesOf(after)]
}

const filesOf = ({ graph, valueFiles, top }: Pipeline): readonly TreePath[] => [
  ...valueFiles,
  ...graph.stages.flatMap(({ params }) => params.map(({ file }) => file)),
  ...top.params.map(({ path }) => path),
]

async function typedFiles(
  { workspace }: Project,
  files: readonly string[],
  { sides, cwd }: { readonly sides: Sides; readonly cwd: string },
): Promise<readonly TreePath[]> {
  const paths = files.map(typed => {
    const path = toTreePath(workspace, typed, cwd)
    if (path !== '') return path
    throw new DdvError('usage', `is a directory, and no file of params: ${displayPath(typed)}`)
  })
  const [before, after] = [await sides[0].read(paths), await sides[1].read(paths)]
  const absent = paths.find(path => !before.has(path) && !after.has(path))
  if (absent === undefined) return paths
  throw new DdvError('usage', `no such file in either version: ${displayPath(absent)}`)
}
