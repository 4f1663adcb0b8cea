// The part of YAML that most `ddv.yaml` are written in: maps and lists in block style, scalars and flow collections of one
// line. `yaml` reads 6,000 lines of it in 250–700 ms, this in a tenth. As in simple-yaml.ts, whatever is not obviously
// within the part is left to `yaml`, and a test holds what both make of a text against each other.

import type { LocatedEntry, LocatedMap, LocatedNode, Place } from './located.js'
import type { Scalar } from './simple-yaml.js'

interface Line {
  readonly indent: number
  readonly text: string
  readonly number: number
}

class NotPlain extends Error {}

/** undefined where the text needs the whole of YAML, or is none. An empty text is an empty map. */
export function parsePlainYaml(text: string, maxDepth: number): LocatedMap | undefined {
  const lines = linesOf(text)
  if (lines === undefined) return undefined
  try {
    return new Reader(lines, maxDepth).all()
  } catch (error) {
    if (error instanceof NotPlain) return undefined
    throw error
  }
}

function linesOf(text: string): Line[] | undefined {
  const lines: Line[] = []
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
    const body = /^( *)([\x21-\x7e\u00a1-\ud7ff][\x20-\x7e\u00a1-\ud7ff]*)?$/.exec(line)
    if (body === null) return undefined
    const content = body[2] ?? ''
    if (content === '' || content.startsWith('#')) continue
    lines.push({ indent: body[1]?.length ?? 0, text: trimmed(content), number: i + 1 })
  }
  return lines
}

// Of spaces alone: other white space is text to YAML.
const trimmed = (text: string): string => text.replace(/ +$/, '')

const keyPattern = /^([A-Za-z_/$][A-Za-z0-9_./${}@+-]*):(?: +(.*))?$/

class Reader {
  readonly #lines: Line[]
  readonly #maxDepth: number
  #at = 0

  constructor(lines: Line[], maxDepth: number) {
    this.#lines = lines
    this.#maxDepth = maxDepth
  }

  all(): LocatedMap {
    const first = this.#lines[0]
    if (first === undefined) return { kind: 'map', entries: [], line: 1, column: 1 }
    if (first.indent !== 0) throw new NotPlain()
    const map = this.#map(0, 0)
    if (this.#at < this.#lines.length) throw new NotPlain()
    return map
  }

  #map(indent: number, depth: number): LocatedMap {
    if (depth >= this.#maxDepth) throw new NotPlain()
    const entries: LocatedEntry[] = []
    const seen = new Set<string>()
    const start = placeOf(this.#lines[this.#at], indent)
    for (let line = this.#lines[this.#at]; line?.indent === indent; line = this.#lines[this.#at]) {
      const pair = keyPattern.exec(line.text)
      const key = pair?.[1]
      if (pair === null || key === undefined || seen.has(key) || otherType.test(key)) throw new NotPlain()
      seen.add(key)
      this.#at++
      const place = placeOf(line, indent)
      const rest = pair[2] ?? ''
      const at = { line: line.number, column: indent + line.text.length - rest.length + 1 }
      const value =
        rest === '' || rest.startsWith('#')
          ? this.#nested(indent, { depth, place })
          : this.#inline(rest, { at, indent, depth })
      entries.push({ key, value, ...place })
    }
    return { kind: 'map', entries, ...start }
  }

  // What stands below `key:`, deeper than it; a list may also stand as deep.
  #nested(parent: number, { depth, place }: { readonly depth: number; readonly place: Place }): LocatedNode {
    const next = this.#lines[this.#at]
    if (next !== undefined && isItem(next) && next.indent >= parent)
      return this.#list(next.indent, { depth: depth + 1, parent })
    if (next === undefined || next.indent <= parent) return { kind: 'scalar', value: null, ...place }
    return this.#map(next.indent, depth + 1)
  }

  #list(indent: number, { depth, parent }: { readonly depth: number; readonly parent: number }): LocatedNode {
    if (depth >= this.#maxDepth) throw new NotPlain()
    const items: LocatedNode[] = []
    const start = placeOf(this.#lines[this.#at], indent)
    for (let line = this.#lines[this.#at]; line?.indent === indent; line = this.#lines[this.#at]) {
      const item = /^-( +)(.*)$/.exec(line.text)
      // After a list that stands as deep as its key, the map goes on.
      if (item === null && indent === parent) break
      const text = item?.[2] ?? ''
      if (item === null || text === '' || text.startsWith('#')) throw new NotPlain()
      const column = indent + 1 + (item[1]?.length ?? 0)
      if (keyPattern.test(text)) {
        this.#lines[this.#at] = { indent: column, text, number: line.number }
        items.push(this.#map(column, depth + 1))
      } else {
        this.#at++
        items.push(this.#inline(text, { at: { line: line.number, column: column + 1 }, indent, depth }))
      }
    }
    return { kind: 'list', items, ...start }
  }

  #inline(
    text: string,
    { at, indent, depth }: { readonly at: Place; readonly indent: number; readonly depth: number },
  ): LocatedNode {
    // A deeper line would go on with the scalar.
    const next = this.#lines[this.#at]
    if (next !== undefined && next.indent > indent) throw new NotPlain()
    if (text.startsWith('[') || text.startsWith('{'))
      return new Flow(text, { at, depth: depth + 1, maxDepth: this.#maxDepth }).all()
    return { kind: 'scalar', value: scalar(text), ...at }
  }
}

const placeOf = (line: Line | undefined, indent: number): Place => ({ line: line?.number ?? 1, column: indent + 1 })

const isItem = ({ text }: Line): boolean => text.startsWith('- ')

// Words that YAML may take for another type than text.
const otherType = /^(?:true|false|null|yes|no|on|off|y|n|~)$/i
const likeNumber = /^[-+]?\.?[0-9][0-9a-fxo_.:+-]*$|^[-+]?\.(?:inf|nan)$/i
const number = /^(?:0|-?[1-9]\d{0,14}|-?(?:0|[1-9]\d{0,9})\.\d{1,6})$/
const comment = /^ +#|^$/

function scalar(text: string): Scalar {
  const quoted = /^"([^"\\]*)"(.*)$/.exec(text) ?? /^'([^']*)'(.*)$/.exec(text)
  if (quoted !== null) {
    if (!comment.test(quoted[2] ?? '')) throw new NotPlain()
    return quoted[1] ?? ''
  }
  const bare = trimmed(text.replace(/ #.*$/, ''))
  // Letters and what cannot begin anything else; `- ` and `? ` can.
  if (!/^(?:[A-Za-z0-9_./$(\\;^+~]|-[^ ])/.test(bare) || /:(?: |$)/.test(bare)) throw new NotPlain()
  return typed(bare)
}

function typed(bare: string): Scalar {
  if (bare === 'true') return true
  if (bare === 'false') return false
  if (bare === 'null') return null
  if (number.test(bare)) return Number(bare)
  if (otherType.test(bare) || likeNumber.test(bare) || bare.startsWith('---') || bare.startsWith('...'))
    throw new NotPlain()
  return bare
}

/** `[a, "b", {c: 1}]` on one line. */
class Flow {
  readonly #text: string
  readonly #start: Place
  readonly #maxDepth: number
  readonly #depth: number
  #at = 0

  constructor(
    text: string,
    { at, depth, maxDepth }: { readonly at: Place; readonly depth: number; readonly maxDepth: number },
  ) {
    this.#text = text
    this.#start = at
    this.#depth = depth
    this.#maxDepth = maxDepth
  }

  all(): LocatedNode {
    const node = this.#collection(this.#depth)
    if (!comment.test(trimmed(this.#text.slice(this.#at)))) throw new NotPlain()
    return node
  }

  #value(depth: number): LocatedNode {
    const c = this.#text[this.#at]
    if (c === '[' || c === '{') return this.#collection(depth + 1)
    const place = this.#place()
    return { kind: 'scalar', value: this.#scalar(), ...place }
  }

  #collection(depth: number): LocatedNode {
    if (depth >= this.#maxDepth) throw new NotPlain()
    const place = this.#place()
    const end = this.#text[this.#at] === '[' ? ']' : '}'
    const items: LocatedNode[] = []
    const entries: LocatedEntry[] = []
    const seen = new Set<string>()
    this.#at++
    for (this.#spaces(); this.#text[this.#at] !== end; this.#spaces()) {
      if (end === ']') items.push(this.#value(depth))
      else entries.push(this.#entry(depth, seen))
      this.#spaces()
      if (this.#text[this.#at] === ',') this.#at++
      else if (this.#text[this.#at] !== end) throw new NotPlain()
    }
    this.#at++
    return end === ']' ? { kind: 'list', items, ...place } : { kind: 'map', entries, ...place }
  }

  #entry(depth: number, seen: Set<string>): LocatedEntry {
    const place = this.#place()
    const key = this.#take(/[A-Za-z_][A-Za-z0-9_.-]*(?=: +[^ ,}])/y)
    if (otherType.test(key) || seen.has(key)) throw new NotPlain()
    seen.add(key)
    this.#at++
    this.#spaces()
    return { key, value: this.#value(depth), ...place }
  }

  #scalar(): Scalar {
    const quote = this.#text[this.#at]
    if (quote === '"' || quote === "'") {
      const quoted = this.#take(quote === '"' ? /"[^"\\]*"(?=[ ,\]}])/y : /'[^']*'(?=[ ,\]}])/y)
      return quoted.slice(1, -1)
    }
    return typed(this.#take(/(?:[A-Za-z0-9_./+-]|\$\{[A-Za-z0-9_.]*\})+(?: +[A-Za-z0-9_./+]+)*(?= *[,\]}])/y))
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    if (found === undefined || found.startsWith('- ') || found === '-') throw new NotPlain()
    this.#at += found.length
    return found
  }

  #spaces(): void {
    while (this.#text[this.#at] === ' ') this.#at++
  }

  #place = (): Place => ({ line: this.#start.line, column: this.#start.column + this.#at })
}
