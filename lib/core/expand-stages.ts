// From the definitions of a `ddv.yaml` to its stages: `foreach` and `matrix` unrolled, templates filled in.

import { fillCommand, fillNode } from './fill-node.js'
import type { JsonRecord } from './json.js'
import {
  type BadAt,
  badAtOf,
  childAt,
  entryOf,
  type LocatedMap,
  type LocatedNode,
  nodeWord,
  type Place,
  positionOf,
} from './located.js'
import { checkOuts } from './out-checks.js'
import type { PipelineFile, PipelineWarning, StageDefinition } from './pipeline-file.js'
import { stageShape } from './pipeline-schema.js'
import { checkShape } from './shape.js'
import type { Dependency, Stage, StageName } from './stage.js'
import { decodeStageFields } from './stage-fields.js'
import { foreachItems, matrixItems, type StageItem } from './stage-items.js'
import { stagePath } from './stage-paths.js'
import { isWholeTemplate, type Scope } from './template.js'
import { mergeValues } from './template-values.js'
import { dirname, type TreePath } from './tree-path.js'

export interface ExpandOptions {
  /** The parsed `requiredFiles`, as far as there are such files. */
  readonly files: ReadonlyMap<TreePath, JsonRecord>
}

export interface ExpandedStages {
  /** In the order of the file. */
  readonly stages: readonly Stage[]
  readonly warnings: readonly PipelineWarning[]
  /** Files that the top of `ddv.yaml` names for `params diff`, `metrics show` and the like. */
  readonly top: Readonly<Record<'params' | 'metrics' | 'plots', readonly Dependency[]>>
}

/** Throws `bad-config` that names file, line and column. */
export function expandStages(pipeline: PipelineFile, { files }: ExpandOptions): ExpandedStages {
  const { file } = pipeline
  const bad = badAtOf(file)
  const warnings = [...pipeline.warnings]
  const expander = new Expander({
    ...{ file, files, bad },
    values: mergeValues({}, pipeline.values, { files, bad }),
    warn: (message, at) => {
      warnings.push({ position: positionOf(file, at), message })
    },
  })
  const stages = pipeline.stages.flatMap(definition => expander.expand(definition))
  checkOuts(stages)
  const top = {
    params: expander.topFiles(pipeline.top, 'params'),
    metrics: expander.topFiles(pipeline.top, 'metrics'),
    plots: expander.topFiles(pipeline.top, 'plots'),
  }
  return { stages, warnings, top }
}

interface ExpanderOptions extends ExpandOptions {
  readonly file: TreePath
  readonly bad: BadAt
  readonly values: JsonRecord
  readonly warn: (message: string, at: Place) => void
}

class Expander {
  readonly #options: ExpanderOptions

  constructor(options: ExpanderOptions) {
    this.#options = options
  }

  expand(definition: StageDefinition): readonly Stage[] {
    const { values, bad, files } = this.#options
    const items = this.#items(definition)
    if (items === undefined) {
      const scope = [mergeValues(values, definition.values, { files, bad })]
      return [this.#stage(definition, { name: definition.name as StageName, scope })]
    }
    const own = mergeValues(values, definition.values, { files, bad })
    return items.map(({ key, names }) =>
      this.#stage(definition, { name: `${definition.name}@${key}` as StageName, scope: [names, own] }),
    )
  }

  #items({ name, position, foreach, matrix }: StageDefinition): readonly StageItem[] | undefined {
    const { values, bad, warn } = this.#options
    const node = foreach ?? matrix
    if (node === undefined) return undefined
    const filled = fillNode(node, { scope: [values], bad })
    const items = (foreach === undefined ? matrixItems : foreachItems)(filled, { bad, name })
    if (items.length === 0)
      warn(`'${foreach === undefined ? 'matrix' : 'foreach'}' of '${name}' is empty: there is no such stage`, position)
    return items
  }

  #stage(definition: StageDefinition, { name, scope }: { readonly name: StageName; readonly scope: Scope }): Stage {
    const { file, bad } = this.#options
    const kept = definition.body.entries.filter(({ key }) => key !== 'cmd' && key !== 'vars' && key !== 'matrix')
    const written: LocatedMap = { ...definition.body, entries: kept }
    const body = fillNode(written, { scope, bad }) as LocatedMap
    const cmd = entryOf(definition.body, 'cmd')
    // What no template changed was checked as it was read; what the check warns of was said then.
    if (body !== written) {
      const whole = cmd === undefined ? body : { ...body, entries: [...body.entries, cmd] }
      checkShape(whole, stageShape, { what: `stage '${name}'`, bad, warn: () => {}, templates: false })
    }
    const shell = childAt(body, 'shell')
    const commands = this.#commands(cmd?.value, {
      scope,
      name,
      shell: shell?.kind === 'scalar' ? String(shell.value) : undefined,
    })
    return decodeStageFields(body, { name, file, at: definition.position, commands, bad })
  }

  #commands(
    cmd: LocatedNode | undefined,
    { scope, name, shell }: { readonly scope: Scope; readonly name: StageName; readonly shell: string | undefined },
  ): readonly string[] {
    const { bad, warn } = this.#options
    if (cmd === undefined) return []
    const commands = (cmd.kind === 'list' ? cmd.items : [cmd]).map(node => {
      const command = fillCommand(node, { scope, bad, shell })
      // A whole command kept in a value runs in DVC, which does not quote.
      if (node.kind === 'scalar' && isWholeTemplate(node.value) && /^'[^' ]* /.test(command))
        warn(`'cmd' of stage '${name}' is one value, and so one word to the shell`, node)
      return command
    })
    if (commands.length === 0 || commands.every(command => command.trim() === ''))
      throw bad(`'cmd' of stage '${name}' is empty`, cmd)
    return commands
  }

  /** Files named at the top of the file, for which no stage answers. */
  topFiles(top: LocatedMap, key: 'params' | 'metrics' | 'plots'): readonly Dependency[] {
    const { values, bad, file, warn } = this.#options
    const node = childAt(top, key)
    if (node === undefined) return []
    const filled = fillNode(node, { scope: [values], bad })
    const found: Dependency[] = []
    const add = (text: string, at: Place): void => {
      const path = stagePath(text, { base: dirname(file), what: `file of '${key}'`, at, bad })
      found.push({ path, position: positionOf(file, at) })
    }
    for (const item of filled.kind === 'list' ? filled.items : [filled]) {
      if (item.kind === 'scalar') add(String(item.value), item)
      else if (item.kind === 'map')
        for (const entry of item.entries) this.#plot(entry.key, { value: entry.value, at: entry, add, warn })
      else throw bad(`'${key}' has ${nodeWord(item)} where a path belongs`, item)
    }
    return found
  }

  // A plot is named by its file, or by any title when its `y` is a map of files.
  #plot(title: string, { value, at, add, warn }: PlotOptions): void {
    const y = value.kind === 'map' ? childAt(value, 'y') : undefined
    if (y?.kind === 'map') for (const entry of y.entries) add(entry.key, entry)
    else if (/[./]/.test(title)) add(title, at)
    else warn(`plot '${title}' names no file`, at)
  }
}

interface PlotOptions {
  readonly value: LocatedNode
  readonly at: Place
  readonly add: (text: string, at: Place) => void
  readonly warn: (message: string, at: Place) => void
}
