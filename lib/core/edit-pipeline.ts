// Changes to the text of a `ddv.yaml`: what a change is not about stays as it is, byte for byte.

import { isMap, isScalar, isSeq, type Pair, parseDocument, stringify, type YAMLMap } from 'yaml'
import { DdvError } from './errors.js'
import { canonicalJson, isJsonRecord, type Json, type JsonRecord } from './json.js'
import { toJson } from './located.js'
import { own } from './merge-records.js'
import { isPlainStageName } from './stage.js'
import { displayPath } from './tree-path.js'
import { maskTemplates, parseLocatedYaml, unmask } from './yaml-located.js'

export interface StageEdit {
  readonly file: string
  readonly name: string
  /** The stage as the file is to have it; keys in this order. */
  readonly stage: JsonRecord
  /** Without it, a stage of that name is an error. */
  readonly replace: boolean
}

/**
 * The text with the stage behind the others, or in the place of its namesake (whose own comments go). Throws
 * `bad-config` for a text that is none, `refused` for one that is written in a way that leaves no place.
 */
export function setStageInText(text: string, { file, name, stage, replace }: StageEdit): string {
  if (!isPlainStageName(name)) throw new DdvError('usage', `no name for a stage: ${displayPath(name)}`)
  const before = toJson(parseLocatedYaml(text, file))
  const stages = stagesOf(before)
  const known = own(stages, name) !== undefined
  if (known && !replace)
    throw new DdvError('refused', `there is a stage '${name}' already: ${displayPath(file)}`, {
      hint: 'replace it with --force',
    })
  const changed = spliced(text, { name, stage, eol: text.includes('\r\n') ? '\r\n' : '\n' })
  const expected = { ...(isJsonRecord(before) ? before : {}), stages: { ...stages, [name]: stage } }
  if (changed === undefined || !holds(changed, expected, file))
    throw new DdvError('refused', `file is written in a way that leaves no place for a stage: ${displayPath(file)}`, {
      hint: 'write it into the file by hand',
    })
  return changed
}

function stagesOf(top: Json): JsonRecord {
  const stages = isJsonRecord(top) ? own(top, 'stages') : undefined
  return isJsonRecord(stages ?? null) ? (stages as JsonRecord) : {}
}

// The proof that nothing else was changed.
function holds(text: string, expected: Json, file: string): boolean {
  try {
    return canonicalJson(toJson(parseLocatedYaml(text, file))) === canonicalJson(expected)
  } catch (error) {
    if (error instanceof DdvError) return false
    throw error
  }
}

interface Insert {
  readonly name: string
  readonly stage: JsonRecord
  readonly eol: string
}

function spliced(text: string, { name, stage, eol }: Insert): string | undefined {
  const document = parseDocument(maskTemplates(text), { prettyErrors: false })
  const top = document.contents
  const stages = isMap(top) ? pairOf(top, 'stages') : undefined
  const block = (indent: string): string =>
    stringify({ [name]: stage }, { lineWidth: 0 })
      .replace(/^(?=.)/gm, indent)
      .replaceAll('\n', eol)
  if (stages === undefined) return `${ended(text, eol)}stages:${eol}${block('  ')}`
  const map = stages.value
  const from = endOf(text, offsetAfter(stages))
  if (isScalar(map) && map.value === null) return `${ended(text.slice(0, from), eol)}${block('  ')}${text.slice(from)}`
  if (!isMap(map)) return undefined
  if (map.items.length === 0) {
    const [start, end] = map.range ?? [0, 0]
    return `${text.slice(0, start).trimEnd()}${eol}${block('  ').replace(/\r?\n$/, '')}${text.slice(end)}`
  }
  if (map.flow === true) return undefined
  const old = pairOf(map, name)
  const start = old === undefined ? from : startOf(old)
  const end = old === undefined ? from : endOf(text, offsetAfter(old))
  const indent = ' '.repeat(columnOf(text, startOf(map.items[0])))
  const head = old === undefined ? ended(text.slice(0, start), eol) : text.slice(0, lineStart(text, start))
  return `${head}${block(indent)}${text.slice(end)}`
}

const ended = (text: string, eol: string): string => (text === '' || text.endsWith('\n') ? text : `${text}${eol}`)

const lineStart = (text: string, offset: number): number => text.lastIndexOf('\n', offset - 1) + 1

const columnOf = (text: string, offset: number): number => offset - lineStart(text, offset)

// The end of the line on which something ends.
function endOf(text: string, offset: number): number {
  if (text[offset - 1] === '\n') return offset
  const newline = text.indexOf('\n', offset)
  return newline < 0 ? text.length : newline + 1
}

const rangeOf = (node: unknown): readonly number[] =>
  typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range) ? node.range : [0, 0, 0]

const startOf = (pair: Pair | undefined): number => rangeOf(pair?.key)[0] ?? 0

// Not the end of a collection's own range, which has the comments behind it.
function offsetAfter(pair: Pair): number {
  let node: unknown = pair.value
  let after = rangeOf(pair.key)[1] ?? 0
  while (true) {
    if (!isMap(node) && !isSeq(node)) return Math.max(after, rangeOf(node)[1] ?? 0)
    if (node.flow === true || node.items.length === 0) return rangeOf(node)[1] ?? after
    const last: unknown = node.items.at(-1)
    if (isSeq(node)) node = last
    else {
      const { key, value } = last as Pair
      after = rangeOf(key)[1] ?? after
      node = value
    }
  }
}

function pairOf(map: YAMLMap | YAMLMap.Parsed, name: string): Pair | undefined {
  return (map as YAMLMap).items.find(
    ({ key }) => isScalar(key) && key.value !== null && unmask(String(key.value)) === name,
  )
}
