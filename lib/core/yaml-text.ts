// Hand-written YAML: bounded, without aliases, never built into objects whose keys a stranger chose. The `yaml` package
// is loaded here alone, and only for what simple-yaml.ts leaves to it.

import type { Document, LineCounter } from 'yaml'
import { DdvError } from './errors.js'
import { isYamlMap, parseSimpleYaml, type Scalar, type YamlEntry, type YamlMap, type YamlValue } from './simple-yaml.js'

/** Bytes, roughly: characters. */
export const maxYamlSize = 1_048_576
const maxDepth = 32

/** The top map of the text; an empty text is an empty one. Throws `bad-config` naming file and line. */
export async function decodeYamlMap(text: string, file: string): Promise<YamlMap> {
  if (text.length > maxYamlSize) throw badYaml(`is larger than ${maxYamlSize} bytes`, file)
  return parseSimpleYaml(text) ?? (await decodeWithYaml(text, file))
}

async function decodeWithYaml(text: string, file: string): Promise<YamlMap> {
  const yaml = await import('yaml')
  const lines = new yaml.LineCounter()
  const document = openDocument(yaml, text, { file, lines })
  if (document.contents === null) return { entries: [] }
  const value = new Converter(yaml, file, lines).convert(document.contents, 0)
  if (!isYamlMap(value)) throw badYaml('is no map of keys', file)
  return value
}

type Yaml = typeof import('yaml')

function openDocument(
  yaml: Yaml,
  text: string,
  { file, lines }: { readonly file: string; readonly lines: LineCounter },
): Document.Parsed {
  if (/^(<{7} |>{7} )/m.test(text)) throw new DdvError('bad-config', `file holds merge markers: ${file}`)
  const document = yaml.parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, merge: false })
  const problem = document.errors[0]
  if (problem !== undefined)
    throw badYaml(problem.message.replace(/\s+/g, ' ').replace(/\.$/, ''), file, lines.linePos(problem.pos[0]).line)
  return document
}

class Converter {
  readonly #yaml: Yaml
  readonly #file: string
  readonly #lines: LineCounter

  constructor(yaml: Yaml, file: string, lines: LineCounter) {
    this.#yaml = yaml
    this.#file = file
    this.#lines = lines
  }

  convert(node: unknown, depth: number): YamlValue {
    const { isAlias, isMap, isScalar, isSeq } = this.#yaml
    if (node === null || node === undefined) return null
    if (depth > maxDepth) throw badYaml(`is nested deeper than ${maxDepth}`, this.#file)
    if (isAlias(node)) throw badYaml('has an alias, which is not allowed', this.#file, this.#lineOf(node))
    if (isScalar(node)) return this.#scalar(node.value, node)
    if (isSeq(node)) return node.items.map(item => this.convert(item, depth + 1))
    if (!isMap(node)) throw badYaml('is not understood', this.#file, this.#lineOf(node))
    return { entries: node.items.map(pair => this.#entry(pair.key, pair.value, depth)) }
  }

  #entry(keyNode: unknown, valueNode: unknown, depth: number): YamlEntry {
    const line = this.#lineOf(keyNode)
    const key = this.#yaml.isScalar(keyNode) ? keyNode.value : undefined
    if (typeof key !== 'string') throw badYaml('has a key that is no text', this.#file, line)
    return { key, value: this.convert(valueNode, depth + 1), line }
  }

  #scalar(value: unknown, node: unknown): Scalar {
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      return value
    throw badYaml('has a value of an unknown type', this.#file, this.#lineOf(node))
  }

  #lineOf(node: unknown): number {
    if (typeof node !== 'object' || node === null || !('range' in node) || !Array.isArray(node.range)) return 0
    const start: unknown = node.range[0]
    return typeof start === 'number' ? this.#lines.linePos(start).line : 0
  }
}

/** The text with the value at this path set, or taken away where it is undefined; comments and order stay. */
export async function setInYaml(
  text: string,
  path: readonly string[],
  { value, file }: { readonly value: Scalar | readonly Scalar[] | undefined; readonly file: string },
): Promise<string> {
  const yaml = await import('yaml')
  const lines = new yaml.LineCounter()
  const document = openDocument(yaml, text, { file, lines })
  if (document.contents !== null && !yaml.isMap(document.contents)) throw badYaml('is no map of keys', file)
  if (value === undefined) removeIn(yaml, document, path)
  else document.setIn(path, value)
  if (yaml.isMap(document.contents)) document.contents.flow = false
  const empty = document.contents === null || (yaml.isMap(document.contents) && document.contents.items.length === 0)
  if (empty && value === undefined) document.contents = null
  const changed = document.toString({ lineWidth: 0 })
  return changed.trim() === 'null' || changed.trim() === '' ? '' : changed.replace(/\n?null\n$/, '\n')
}

// A map that became empty goes with its last key.
function removeIn(yaml: Yaml, document: Document.Parsed, path: readonly string[]): void {
  document.deleteIn(path)
  for (let at = path.slice(0, -1); at.length > 0; at = at.slice(0, -1)) {
    const parent = document.getIn(at)
    if (!yaml.isMap(parent) || parent.items.length > 0) return
    document.deleteIn(at)
  }
}

export const badYaml = (problem: string, file: string, line = 0): DdvError =>
  new DdvError('bad-config', `file ${problem}: ${file}${line === 0 ? '' : `:${line}`}`)
