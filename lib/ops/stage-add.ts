// `stage add`: a stage into the `ddv.yaml` of the directory where the user is. What is written is first read and fitted
// into the graph with all others, so that no command makes a pipeline that the next one refuses.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setStageInText } from '../core/edit-pipeline.js'
import { DdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { decodePipelineFile } from '../core/pipeline-file.js'
import { pipelineFileName, type StageName, stageAddress } from '../core/stage.js'
import { stageOfTyped, type TypedStage } from '../core/stage-text.js'
import { compareUtf8, displayPath, joinTreePath, type TreePath } from '../core/tree-path.js'
import { stageFiles } from '../git/git-index.js'
import { writeFileAtomic } from '../sys/fs.js'
import { openInside } from '../sys/inside.js'
import { statIfThere } from '../sys/stats.js'
import { isBelowIgnored } from '../workspace/ignore.js'
import { coveringOutput, findFiles, skippedParent } from '../workspace/pointers.js'
import { toTreePath, workTemporaryDirectory } from '../workspace/workspace.js'
import { withWorkspaceLock } from './locked.js'
import { ParamFiles, readText } from './param-files.js'
import { pipelineOf } from './pipeline.js'
import { refuseInProduction } from './production.js'
import type { Project } from './project.js'

export interface AddStageOptions extends Control {
  readonly cwd: string
  /** Without it, a stage of that name is an error. */
  readonly force?: boolean | undefined
}

export interface AddStageResult {
  /** As it is named on the command line. */
  readonly stage: string
  readonly file: TreePath
}

/** Throws `usage`, `refused` for a name that is taken, and `bad-config` for what fits into no pipeline. */
export async function addStage(
  project: Project,
  name: string,
  { cwd, force = false, ...typed }: AddStageOptions & TypedStage,
): Promise<AddStageResult> {
  const { workspace, config, git, cache } = project
  refuseInProduction(config, 'stage add')
  if (typed.command.every(word => word.trim() === ''))
    throw new DdvError('usage', 'a stage needs a command', {
      hint: `write it last: ddv stage add NAME -o OUT -- COMMAND`,
    })
  const file = joinTreePath(toTreePath(workspace, '.', cwd), pipelineFileName as TreePath)
  refusePlace(project, file)
  return withWorkspaceLock(project, typed, async () => {
    const path = openInside(workspace.root).path(file)
    const before = statIfThere(path) === undefined ? '' : readText(workspace.root, file)
    const text = setStageInText(before, { file, name, stage: stageOfTyped(typed), replace: force })
    checkPipeline(project, file, text)
    const temporary = workTemporaryDirectory(workspace)
    mkdirSync(temporary, { recursive: true })
    writeFileAtomic(path, text, { durable: cache.fsync !== 'off', temporary })
    if (git !== undefined && config.git.autostage) await stageFiles(git, [join(workspace.root, file)])
    return { stage: stageAddress({ file, name: name as StageName }), file }
  })
}

/** Where no pipeline would be found. */
function refusePlace({ workspace, ignore }: Project, file: TreePath): void {
  if (isBelowIgnored(ignore, file)) throw noPlace(file, 'in a directory that .ddvignore names')
  if (skippedParent(file) !== undefined) throw noPlace(file, 'in a directory that ddv never looks into')
  if (coveringOutput(workspace.root, file) !== undefined) throw noPlace(file, 'in data under ddv')
}

const noPlace = (file: TreePath, where: string): DdvError =>
  new DdvError('refused', `no pipeline would be found ${where}: ${displayPath(file)}`)

// The pipeline with this text in the file's place.
function checkPipeline(project: Project, file: TreePath, text: string): void {
  const { root } = project.workspace
  const files = new Set([...findFiles(root, project.ignore, pipelineFileName), file])
  const params = new ParamFiles(project)
  pipelineOf(
    [...files].sort(compareUtf8).map(one => decodePipelineFile(one === file ? text : readText(root, one), one)),
    path => params.find(path),
  )
}
