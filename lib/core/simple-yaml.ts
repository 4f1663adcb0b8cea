// The part of YAML that ddv itself writes: nested maps of plain or double-quoted scalars, and lists of them. Reading it
// here spares the start of every command the 10 ms that loading `yaml` costs in the bundle. Whatever is not obviously
// within this part is left to `yaml`, so that nothing is ever read in two ways.

export type Scalar = string | number | boolean | null
export type YamlValue = Scalar | readonly YamlValue[] | YamlMap
export interface YamlMap {
  readonly entries: readonly YamlEntry[]
}
export interface YamlEntry {
  readonly key: string
  readonly value: YamlValue
  /** Counted from 1; 0 where unknown. */
  readonly line: number
}

export const isYamlMap = (value: YamlValue): value is YamlMap =>
  typeof value === 'object' && value !== null && 'entries' in value && !Array.isArray(value)

interface Line {
  readonly indent: number
  readonly text: string
  readonly number: number
}

class NotSimple extends Error {}

/** undefined where the text needs the whole of YAML, or is none. An empty text is an empty map. */
export function parseSimpleYaml(text: string): YamlMap | undefined {
  const lines: Line[] = []
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.replace(/\r$/, '')
    if (/^\s*(#.*)?$/.test(line) && !line.includes('\t')) continue
    const body = /^( *)([\x21-\x7e\u00a1-\ud7ff][\x20-\x7e\u00a1-\ud7ff]*)$/.exec(line)
    if (body === null) return undefined
    lines.push({ indent: body[1]?.length ?? 0, text: (body[2] ?? '').trimEnd(), number: i + 1 })
  }
  try {
    return new Reader(lines).all()
  } catch (error) {
    if (error instanceof NotSimple) return undefined
    throw error
  }
}

class Reader {
  readonly #lines: readonly Line[]
  #at = 0

  constructor(lines: readonly Line[]) {
    this.#lines = lines
  }

  all(): YamlMap {
    const first = this.#lines[0]
    if (first === undefined) return { entries: [] }
    if (first.indent !== 0) throw new NotSimple()
    const map = this.#map(0)
    if (this.#at < this.#lines.length) throw new NotSimple()
    return map
  }

  #map(indent: number): YamlMap {
    const entries: YamlEntry[] = []
    const seen = new Set<string>()
    for (let line = this.#lines[this.#at]; line?.indent === indent; line = this.#lines[this.#at]) {
      const pair = /^([A-Za-z_][A-Za-z0-9_.-]*):(?: +(.*))?$/.exec(line.text)
      const key = pair?.[1]
      // Words that YAML may take for another type than text are left to it, as keys too.
      if (pair === null || key === undefined || seen.has(key) || otherType.test(key)) throw new NotSimple()
      seen.add(key)
      this.#at++
      const value = pair[2] === undefined ? this.#nested(indent) : scalar(pair[2])
      entries.push({ key, value, line: line.number })
    }
    return { entries }
  }

  #nested(parent: number): YamlValue {
    const next = this.#lines[this.#at]
    if (next === undefined || next.indent <= parent) {
      if (next?.indent === parent && next.text.startsWith('-')) throw new NotSimple()
      return null
    }
    return next.text.startsWith('- ') ? this.#list(next.indent) : this.#map(next.indent)
  }

  #list(indent: number): readonly YamlValue[] {
    const items: YamlValue[] = []
    for (let line = this.#lines[this.#at]; line?.indent === indent; line = this.#lines[this.#at]) {
      const item = /^- +(.*)$/.exec(line.text)?.[1]
      if (item === undefined) throw new NotSimple()
      items.push(scalar(item))
      this.#at++
    }
    return items
  }
}

const otherType = /^(?:true|false|null|yes|no|on|off|y|n|~)$/i

function scalar(text: string): Scalar {
  if (text === 'true') return true
  if (text === 'false') return false
  if (text === 'null') return null
  if (/^(?:0|[1-9]\d{0,14})$/.test(text)) return Number(text)
  if (/^"[^"\\]*"$/.test(text)) return text.slice(1, -1)
  // `off` is text in YAML 1.2, which is what `yaml` reads.
  if (/^[A-Za-z/][A-Za-z0-9_./@+*=:-]*$/.test(text) && !/:$/.test(text)) return text
  throw new NotSimple()
}
