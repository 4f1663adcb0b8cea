// YAML with line and column of every key and value, for files that people write and whose mistakes are to be shown. The
// same bounds as yaml-text.ts has, and the same two readers: a fast one for plain texts, `yaml` for the rest.

import { isAlias, isMap, isScalar, isSeq, LineCounter, type ParsedNode, parseDocument } from 'yaml'
import { hasConflictMarkers } from './conflict-text.js'
import { DdvError } from './errors.js'
import { type BadAt, badAtOf, type LocatedEntry, type LocatedMap, type LocatedNode, type Place } from './located.js'
import { parsePlainYaml } from './plain-yaml.js'
import { displayPath } from './tree-path.js'
import { maxYamlSize } from './yaml-text.js'

const maxDepth = 32

/** The top map of the text; an empty text is an empty one. Throws `bad-config` naming file, line and column. */
export function parseLocatedYaml(text: string, file: string): LocatedMap {
  if (text.length > maxYamlSize) throw tooLarge(file)
  return parsePlainYaml(text, maxDepth) ?? parseWholeYaml(text, file)
}

/** Whatever is at the top, numbers that JSON has not included; nothing at all is null. Throws as `parseLocatedYaml`. */
export function parseAnyYaml(text: string, file: string): LocatedNode {
  if (text.length > maxYamlSize) throw tooLarge(file)
  return parseNode(text, file, { anyNumber: true }) ?? { kind: 'scalar', value: null, line: 1, column: 1 }
}

const tooLarge = (file: string): DdvError =>
  new DdvError('bad-config', `file is larger than ${maxYamlSize} bytes: ${displayPath(file)}`)

/** As `parseLocatedYaml`, by `yaml` whatever the text. */
export function parseWholeYaml(text: string, file: string): LocatedMap {
  const node = parseNode(text, file, { anyNumber: false })
  if (node === undefined || (node.kind === 'scalar' && node.value === null))
    return { kind: 'map', entries: [], line: 1, column: 1 }
  if (node.kind !== 'map') throw badAtOf(file)('file is no map of keys', node)
  return node
}

/** undefined for a text that holds nothing. */
function parseNode(
  text: string,
  file: string,
  { anyNumber }: { readonly anyNumber: boolean },
): LocatedNode | undefined {
  if (hasConflictMarkers(text)) throw new DdvError('bad-config', `file holds merge markers: ${displayPath(file)}`)
  const lines = new LineCounter()
  const bad = badAtOf(file)
  const masked = maskTemplates(text)
  const document = parsed(masked, { lines, bad })
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  if (document.contents === null) return undefined
  const converter = new Converter({ bad, place, text: masked === text ? text => text : unmask, anyNumber })
  return converter.convert(document.contents, { depth: 0, parent: { line: 1, column: 1 } })
}

function parsed(text: string, { lines, bad }: { readonly lines: LineCounter; readonly bad: BadAt }) {
  const top = { line: 1, column: 1 }
  let document: ReturnType<typeof parseDocument<ParsedNode>>
  try {
    // `yaml` compares each key with all before it; the converter does it with a set.
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false, merge: false })
  } catch (error) {
    // Its composer calls itself for each level.
    if (error instanceof RangeError) throw bad(`file is nested deeper than ${maxDepth}`, top)
    throw error
  }
  const problem = document.errors[0] ?? document.warnings[0]
  if (problem === undefined) return document
  const { line, col } = lines.linePos(problem.pos[0])
  const message = unmask(problem.message.replace(/\s+/g, ' ').replace(/\.$/, ''))
  throw bad(`no YAML that ddv reads: ${displayPath(message)}`, { line: Math.max(line, 1), column: Math.max(col, 1) })
}

// In a flow collection the braces of `[models/${key}]` would end a plain scalar, so they are not there while `yaml`
// reads. Nothing else than a mistake has a `{` right behind a `$` there. Lengths stay, and so do places.
const masks: readonly (readonly [string, string])[] = [
  ['{', '\ue000'],
  ['}', '\ue001'],
  ['[', '\ue002'],
  [']', '\ue003'],
]

/** Of the same length, so that places stay. */
export function maskTemplates(text: string): string {
  if (!text.includes('${') || /[\ue000-\ue003]/.test(text)) return text
  return text.replace(/\$\{[^{}\n]*\}/g, template => masks.reduce((t, [c, m]) => t.replaceAll(c, m), template))
}

export const unmask = (text: string): string => masks.reduce((t, [c, m]) => t.replaceAll(m, c), text)

interface Spot {
  readonly depth: number
  /** Where something is said to be that is not written. */
  readonly parent: Place
}

interface ConverterOptions {
  readonly bad: BadAt
  readonly place: (offset: number) => Place
  readonly text: (text: string) => string
  /** Lets in those that JSON has not. */
  readonly anyNumber: boolean
}

class Converter {
  readonly #bad: BadAt
  readonly #placeAt: (offset: number) => Place
  readonly #text: (text: string) => string
  readonly #anyNumber: boolean

  constructor({ bad, place, text, anyNumber }: ConverterOptions) {
    this.#bad = bad
    this.#placeAt = place
    this.#text = text
    this.#anyNumber = anyNumber
  }

  convert(node: unknown, { depth, parent }: Spot): LocatedNode {
    if (node === null || node === undefined) return { kind: 'scalar', value: null, ...parent }
    const place = this.#placeOf(node, parent)
    if (isAlias(node)) throw this.#bad(`alias '*${displayPath(node.source)}' is not allowed`, place)
    if (isScalar(node))
      return this.#scalar(node.value, { place, parent, written: node.source !== '' || node.type !== 'PLAIN' })
    if (depth >= maxDepth) throw this.#bad(`file is nested deeper than ${maxDepth}`, place)
    if (isSeq(node))
      return {
        kind: 'list',
        items: node.items.map(item => this.convert(item, { depth: depth + 1, parent: place })),
        ...place,
      }
    if (!isMap(node)) throw this.#bad('this is not understood', place)
    const seen = new Set<string>()
    return { kind: 'map', entries: node.items.map(pair => this.#entry(pair, { depth, parent: place }, seen)), ...place }
  }

  #entry(pair: { key: unknown; value: unknown }, { depth, parent }: Spot, seen: Set<string>): LocatedEntry {
    const place = this.#placeOf(pair.key, parent)
    if (isAlias(pair.key)) throw this.#bad(`alias '*${displayPath(pair.key.source)}' is not allowed`, place)
    const key = isScalar(pair.key) ? keyText(pair.key.value) : undefined
    if (key === undefined) throw this.#bad('key is no text', place, 'put it in quotes')
    const text = this.#text(key)
    if (text === '__proto__') throw this.#bad("key '__proto__' is not allowed", place)
    if (seen.has(text)) throw this.#bad(`key '${displayPath(text)}' is there twice`, place)
    seen.add(text)
    return { key: text, value: this.convert(pair.value, { depth: depth + 1, parent: place }), ...place }
  }

  #scalar(
    value: unknown,
    { place, parent, written }: { readonly place: Place; readonly parent: Place; readonly written: boolean },
  ): LocatedNode {
    if (value === null) return { kind: 'scalar', value, ...(written ? place : parent) }
    if (typeof value === 'string') return { kind: 'scalar', value: this.#text(value), ...place }
    if (typeof value === 'boolean' || (typeof value === 'number' && (this.#anyNumber || Number.isFinite(value))))
      return { kind: 'scalar', value, ...place }
    throw this.#bad('value is of no type that JSON has', place)
  }

  #placeOf(node: unknown, parent: Place): Place {
    if (typeof node !== 'object' || node === null || !('range' in node) || !Array.isArray(node.range)) return parent
    const start: unknown = node.range[0]
    return typeof start === 'number' ? this.#placeAt(start) : parent
  }
}

// `2024:` and `1.5:` are keys of params and matrices that people write without quotes.
function keyText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : undefined
}
