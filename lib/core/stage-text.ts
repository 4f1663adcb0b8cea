// A stage as it is typed on a command line, in the words of `ddv.yaml`.

import type { Json, JsonRecord } from './json.js'
import { quoteWord } from './shell-quote.js'
import { defaultParamsFile } from './template-values.js'

/** Paths and names as they were typed; all that is not given is left out. */
export interface TypedStage {
  /** Words of a shell; a single one is a script as it is. */
  readonly command: readonly string[]
  readonly description?: string | undefined
  readonly wdir?: string | undefined
  readonly deps?: readonly string[] | undefined
  /** `key,key`, `file:key,key`, or `file:` for all that it holds. */
  readonly params?: readonly string[] | undefined
  readonly outs?: readonly string[] | undefined
  /** Of which git keeps the content. */
  readonly outsInGit?: readonly string[] | undefined
  readonly metrics?: readonly string[] | undefined
  readonly metricsInGit?: readonly string[] | undefined
  readonly plots?: readonly string[] | undefined
}

export function stageOfTyped(typed: TypedStage): JsonRecord {
  const { command, description, wdir, deps = [], params = [], plots = [] } = typed
  const outs = outItems(typed.outs, typed.outsInGit)
  const metrics = outItems(typed.metrics, typed.metricsInGit)
  return {
    ...(description !== undefined && { desc: description }),
    cmd: scriptOf(command),
    ...(wdir !== undefined && { wdir }),
    ...(deps.length > 0 && { deps }),
    ...(params.length > 0 && { params: paramItems(params) }),
    ...(outs.length > 0 && { outs }),
    ...(metrics.length > 0 && { metrics }),
    ...(plots.length > 0 && { plots }),
  }
}

const scriptOf = (words: readonly string[]): string =>
  words.length === 1 ? (words[0] ?? '') : words.map(quoteWord).join(' ')

const outItems = (cached: readonly string[] = [], inGit: readonly string[] = []): readonly Json[] => [
  ...cached,
  ...inGit.map(path => ({ [path]: { cache: false } })),
]

function paramItems(typed: readonly string[]): readonly Json[] {
  const own: string[] = []
  const files = new Map<string, readonly string[] | undefined>()
  for (const text of typed) {
    const [, file = defaultParamsFile, list = ''] = /^(?:(.*?):)?([^:]*)$/s.exec(text) ?? [text, text]
    const keys = list.split(',').filter(key => key !== '')
    if (!text.includes(':')) own.push(...keys)
    else if (keys.length === 0) files.set(file, undefined)
    else if (!files.has(file) || files.get(file) !== undefined) files.set(file, [...(files.get(file) ?? []), ...keys])
  }
  return [
    ...new Set(own),
    ...[...files].map(([file, keys]) => ({ [file]: keys === undefined ? null : [...new Set(keys)] })),
  ]
}
