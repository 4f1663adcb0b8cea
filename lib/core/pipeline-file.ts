// `ddv.yaml` as it is written: checked, with the place of everything, its templates still open. expand-stages.ts makes
// stages of it once the files are there that its templates name. See FORMAT.md.

import {
  type BadAt,
  badAtOf,
  childAt,
  type LocatedEntry,
  type LocatedMap,
  type LocatedNode,
  type Place,
  type Position,
  positionOf,
} from './located.js'
import { pipelineShape } from './pipeline-schema.js'
import { checkShape } from './shape.js'
import { stageDirectory } from './stage-paths.js'
import { decodeValues, defaultParamsFile, type Values } from './template-values.js'
import { dirname, joinTreePath, type TreePath } from './tree-path.js'
import { parseLocatedYaml } from './yaml-located.js'

export interface PipelineFile {
  readonly file: TreePath
  readonly stages: readonly StageDefinition[]
  /** What its templates are filled from, the default file of parameters first. */
  readonly values: readonly Values[]
  /** Files of parameters, metrics and plots that belong to no stage: as written. */
  readonly top: LocatedMap
  /** What `expandStages` needs to be given, parsed. The params of stages are not among them: `Stage.params` has those. */
  readonly requiredFiles: readonly RequiredFile[]
  readonly warnings: readonly PipelineWarning[]
}

export interface StageDefinition {
  readonly name: string
  readonly position: Position
  /** The stage itself; below `do` of a `foreach`. */
  readonly body: LocatedMap
  readonly values: readonly Values[]
  readonly foreach: LocatedNode | undefined
  readonly matrix: LocatedNode | undefined
}

export interface RequiredFile {
  readonly path: TreePath
  readonly position: Position
  /** Nothing is amiss where there is none. */
  readonly optional: boolean
}

export interface PipelineWarning {
  readonly position: Position
  /** Without the position. */
  readonly message: string
}

/** Throws `bad-config` that names file, line and column. */
export function decodePipelineFile(text: string, file: TreePath): PipelineFile {
  const bad = badAtOf(file)
  const top = parseLocatedYaml(text, file)
  const warnings: PipelineWarning[] = []
  const warn = (message: string, at: Place): void => {
    warnings.push({ position: positionOf(file, at), message })
  }
  checkShape(top, pipelineShape, { what: 'the file', bad, warn, templates: true })
  const base = dirname(file)
  const stages = childAt(top, 'stages')
  const definitions = stages?.kind === 'map' ? stages.entries.map(entry => definition(entry, { file, base, bad })) : []
  const params: Values = {
    kind: 'file',
    path: joinTreePath(base, defaultParamsFile as TreePath),
    keys: undefined,
    optional: true,
    at: top,
  }
  const values = [params, ...decodeValues(childAt(top, 'vars'), { base, bad })]
  return {
    ...{ file, stages: definitions, values, top, warnings },
    requiredFiles: requiredFiles([...values, ...definitions.flatMap(({ values }) => values)], file),
  }
}

interface DefinitionOptions {
  readonly file: TreePath
  readonly base: TreePath | ''
  readonly bad: BadAt
}

function definition(entry: LocatedEntry, { file, base, bad }: DefinitionOptions): StageDefinition {
  const { key: name, value } = entry
  const map = value as LocatedMap
  const foreach = childAt(map, 'foreach')
  const body = foreach === undefined ? map : childAt(map, 'do')
  if (body?.kind !== 'map') throw bad(`stage '${name}' is no map`, entry)
  const vars = childAt(body, 'vars')
  const wdir = childAt(body, 'wdir')
  const values =
    vars === undefined ? [] : decodeValues(vars, { base: directoryOf(wdir, { base, bad, name, vars }), bad })
  return { name, position: positionOf(file, entry), body, values, foreach, matrix: childAt(map, 'matrix') }
}

interface DirectoryOptions {
  readonly base: TreePath | ''
  readonly bad: BadAt
  readonly name: string
  readonly vars: LocatedNode
}

// Files of `vars` have to be known before anything is filled in.
function directoryOf(wdir: LocatedNode | undefined, { base, bad, name, vars }: DirectoryOptions): TreePath | '' {
  if (wdir?.kind !== 'scalar') return base
  const text = String(wdir.value)
  if (!text.includes('${')) return stageDirectory(text, { base, what: `'wdir' of stage '${name}'`, at: wdir, bad })
  if (vars.kind === 'list' && vars.items.some(item => item.kind === 'scalar'))
    throw bad(`'wdir' of stage '${name}' has a template, so 'vars' cannot name files below it`, wdir)
  return base
}

function requiredFiles(values: readonly Values[], file: TreePath): readonly RequiredFile[] {
  const required = new Map<TreePath, RequiredFile>()
  for (const item of values) {
    if (item.kind !== 'file') continue
    const before = required.get(item.path)
    if (before === undefined || before.optional)
      required.set(item.path, {
        path: item.path,
        position: positionOf(file, item.at),
        optional: item.optional && before?.optional !== false,
      })
  }
  return [...required.values()]
}
