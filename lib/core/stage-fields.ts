// The fields of one stage, its templates filled in and its shape checked: into what stage.ts describes.

import { parseBytes } from './config-schema.js'
import type { JsonRecord } from './json.js'
import {
  type BadAt,
  childAt,
  type LocatedEntry,
  type LocatedMap,
  type LocatedNode,
  type Place,
  positionOf,
  shortened,
  toJson,
} from './located.js'
import { parseParamsFormat } from './params-file.js'
import type { Action, Dependency, EnvironmentEntry, Out, ParamsOf, Resources, Stage, StageName } from './stage.js'
import { stageDirectory, stagePath } from './stage-paths.js'
import { describeStep, isStepName, type PathRole, type StepName } from './steps.js'
import { defaultParamsFile } from './template-values.js'
import { dirname, type TreePath } from './tree-path.js'

export interface FieldsOptions {
  readonly name: StageName
  readonly file: TreePath
  readonly at: Place
  /** Already filled in. */
  readonly commands: readonly string[]
  readonly bad: BadAt
}

export function decodeStageFields(body: LocatedMap, { name, file, at, commands, bad }: FieldsOptions): Stage {
  const wdirNode = childAt(body, 'wdir')
  const base = dirname(file)
  const wdir =
    wdirNode === undefined
      ? base
      : stageDirectory(textOf(wdirNode), { base, what: `'wdir' of stage '${name}'`, at: wdirNode, bad })
  const reader = new FieldReader(body, { name, file, wdir, bad })
  return {
    ...{ name, file, position: positionOf(file, at), wdir },
    description: reader.text('desc'),
    meta: reader.meta(),
    action: reader.action(commands),
    deps: reader.deps(),
    tracked: reader.tracked(),
    params: reader.params(),
    env: reader.env(),
    outs: reader.allOuts(),
    frozen: reader.flag('frozen'),
    alwaysChanged: reader.flag('always_changed'),
    only: reader.text('only') as Stage['only'],
    retry: reader.number('retry') ?? 0,
    timeout: reader.duration('timeout'),
    resources: reader.resources(),
  }
}

const textOf = (node: LocatedNode): string => (node.kind === 'scalar' ? String(node.value) : '')

const itemsOf = (node: LocatedNode | undefined): readonly LocatedNode[] => {
  if (node === undefined) return []
  return node.kind === 'list' ? node.items : [node]
}

const factors: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds of `1h30m`. */
export const parseDuration = (text: string): number =>
  [...text.matchAll(/([\d.]+)(ms|[smhd])/g)].reduce(
    (sum, [, n, unit]) => sum + Math.round(Number(n) * (factors[unit ?? ''] ?? 0)),
    0,
  )

interface ReaderOptions {
  readonly name: StageName
  readonly file: TreePath
  readonly wdir: TreePath | ''
  readonly bad: BadAt
}

class FieldReader {
  readonly #body: LocatedMap
  readonly #options: ReaderOptions

  constructor(body: LocatedMap, options: ReaderOptions) {
    this.#body = body
    this.#options = options
  }

  text(key: string): string | undefined {
    const node = childAt(this.#body, key)
    return node === undefined ? undefined : textOf(node)
  }

  number(key: string, map = this.#body): number | undefined {
    const node = childAt(map, key)
    return node?.kind === 'scalar' && typeof node.value === 'number' ? node.value : undefined
  }

  duration(key: string, map = this.#body): number | undefined {
    const node = childAt(map, key)
    if (node === undefined) return undefined
    const duration = parseDuration(textOf(node))
    if (duration === 0) throw this.#bad(`'${key}' of stage '${this.#options.name}' is no time at all`, node)
    return duration
  }

  flag(key: string, map = this.#body, otherwise = false): boolean {
    const node = childAt(map, key)
    return node?.kind === 'scalar' && typeof node.value === 'boolean' ? node.value : otherwise
  }

  meta(): JsonRecord | undefined {
    const node = childAt(this.#body, 'meta')
    if (node === undefined || (node.kind === 'scalar' && node.value === null)) return undefined
    if (node.kind !== 'map') return { meta: toJson(node) }
    return toJson(node) as JsonRecord
  }

  action(commands: readonly string[]): Action {
    const uses = this.#step()
    if (uses === undefined) return { kind: 'command', commands, shell: this.text('shell') }
    const paths = describeStep(uses).paths
    const options = this.#with().entries.map(({ key, value }) => {
      const toPath = (node: LocatedNode): string => this.#path(textOf(node), `'${key}'`, node)
      if (!Object.hasOwn(paths, key)) return [key, toJson(value)]
      return [key, value.kind === 'list' ? value.items.map(toPath) : toPath(value)]
    })
    return { kind: 'step', uses, with: Object.fromEntries(options) as JsonRecord }
  }

  tracked(): readonly Dependency[] {
    return this.#stepPaths('tracked', 'out')
  }

  #step(): StepName | undefined {
    const uses = this.text('uses')
    return uses !== undefined && isStepName(uses) ? uses : undefined
  }

  #with(): LocatedMap {
    const node = childAt(this.#body, 'with')
    return node?.kind === 'map' ? node : { kind: 'map', entries: [], line: 0, column: 0 }
  }

  /** The paths under `with` that are this to the stage. */
  #stepPaths(role: PathRole, what: string): readonly Dependency[] {
    const uses = this.#step()
    if (uses === undefined) return []
    const { paths } = describeStep(uses)
    return this.#with().entries.flatMap(({ key, value }) =>
      Object.hasOwn(paths, key) && paths[key] === role
        ? itemsOf(value).map(node => ({
            path: this.#path(textOf(node), what, node),
            position: positionOf(this.#options.file, node),
          }))
        : [],
    )
  }

  deps(): readonly Dependency[] {
    const deps = new Map<TreePath, Dependency>()
    for (const node of itemsOf(childAt(this.#body, 'deps'))) {
      const path = this.#path(textOf(node), 'dep', node)
      if (!deps.has(path)) deps.set(path, { path, position: positionOf(this.#options.file, node) })
    }
    for (const dep of this.#stepPaths('dep', 'dep')) if (!deps.has(dep.path)) deps.set(dep.path, dep)
    return [...deps.values()]
  }

  allOuts(): readonly Out[] {
    const written = (['outs', 'metrics', 'plots'] as const).flatMap(field => this.#outs(field))
    const ofStep = (role: PathRole, cache: boolean): readonly Out[] =>
      this.#stepPaths(role, 'out')
        // One that is written down, too, has the options that it has there.
        .filter(({ path }) => !written.some(out => out.path === path))
        .map(({ path, position }) => ({ path, position, kind: 'data', cache, persist: false, push: true }))
    return [...written, ...ofStep('out', true), ...ofStep('report', false)]
  }

  #outs(field: 'outs' | 'metrics' | 'plots'): readonly Out[] {
    const kind = field === 'outs' ? 'data' : field
    return itemsOf(childAt(this.#body, field)).map(node => {
      const entry = node.kind === 'map' ? node.entries[0] : undefined
      const options: LocatedMap =
        entry?.value.kind === 'map' ? entry.value : { kind: 'map', entries: [], line: 0, column: 0 }
      const path = this.#path(entry?.key ?? textOf(node), 'out', entry ?? node)
      return {
        ...{ path, kind, position: positionOf(this.#options.file, entry ?? node) },
        cache: this.flag('cache', options, true),
        persist: this.flag('persist', options),
        push: this.flag('push', options, true),
      }
    })
  }

  params(): readonly ParamsOf[] {
    const files = new Map<TreePath, { keys: string[] | undefined; position: ParamsOf['position'] }>()
    const add = (file: string, keys: readonly string[] | undefined, at: Place): void => {
      const path = this.#path(file, 'file of params', at)
      parseParamsFormat(path, problem => this.#bad(problem.message, at, problem.hint))
      const before = files.get(path)
      const position = before?.position ?? positionOf(this.#options.file, at)
      const all = keys === undefined || (before !== undefined && before.keys === undefined)
      files.set(path, { keys: all ? undefined : [...new Set([...(before?.keys ?? []), ...keys])], position })
    }
    for (const node of itemsOf(childAt(this.#body, 'params'))) {
      if (node.kind === 'map') for (const entry of node.entries) add(entry.key, paramKeys(entry), entry)
      else add(defaultParamsFile, [textOf(node)], node)
    }
    return [...files].map(([file, { keys, position }]) => ({ file, keys, position }))
  }

  env(): readonly EnvironmentEntry[] {
    const node = childAt(this.#body, 'env')
    const pairs = node?.kind === 'map' ? node.entries.map(environmentPair) : itemsOf(node).map(environmentWord)
    const seen = new Set<string>()
    return pairs.map(({ name, value, at }) => {
      if (seen.has(name)) throw this.#bad(`'env' of stage '${this.#options.name}' has '${name}' twice`, at)
      if (value?.includes('\0') === true) throw this.#bad(`'${name}' of 'env' holds a NUL`, at)
      seen.add(name)
      return { name, value }
    })
  }

  resources(): Resources {
    const node = childAt(this.#body, 'resources')
    const map: LocatedMap = node?.kind === 'map' ? node : { kind: 'map', entries: [], line: 0, column: 0 }
    const text = (key: string): string | undefined => {
      const value = childAt(map, key)
      return value === undefined ? undefined : textOf(value)
    }
    const memory = childAt(map, 'memory')
    const bytes = memory === undefined ? undefined : parseBytes(textOf(memory).replace(/([kmgt]i?)$/i, '$1B'))
    if (memory !== undefined && (bytes === undefined || bytes === 0))
      throw this.#bad(`'memory' of stage '${this.#options.name}' is no size ('${shortened(textOf(memory))}')`, memory)
    return {
      ...{ cpus: this.number('cpus', map), memory: bytes, gpus: this.number('gpus', map) },
      ...{ time: this.duration('time', map), partition: text('partition'), account: text('account') },
    }
  }

  get #bad(): BadAt {
    return this.#options.bad
  }

  #path(text: string, what: string, at: Place): TreePath {
    const { name, wdir, bad } = this.#options
    return stagePath(text, { base: wdir, what: `${what} of stage '${name}'`, at, bad })
  }
}

function paramKeys({ value }: LocatedEntry): readonly string[] | undefined {
  if (value.kind === 'scalar' && value.value === null) return undefined
  const keys = itemsOf(value).map(textOf)
  return keys.length === 0 ? undefined : keys
}

interface EnvironmentItem extends EnvironmentEntry {
  readonly at: Place
}

const environmentPair = (entry: LocatedEntry): EnvironmentItem => ({
  name: entry.key,
  value: entry.value.kind === 'scalar' && entry.value.value === null ? undefined : textOf(entry.value),
  at: entry,
})

function environmentWord(node: LocatedNode): EnvironmentItem {
  const [, name = '', value] = /^([^=]*)(?:=([\s\S]*))?$/.exec(textOf(node)) ?? []
  return { name, value, at: node }
}
