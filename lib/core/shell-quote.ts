// Values in scripts for a POSIX shell: what the shell sees is the value, wherever it stands. A value goes in as it is
// where it is a plain word, which means itself in every place of a script. Any other is quoted, for which the place must
// be known: outside of quotes, inside '…' or inside "…", also in `$(…)`. Where a script is read on without certainty (behind
// a backquote, a here-document, `$'`, a `case` in `$(…)`) only plain words are let in. See FORMAT.md.

import { isJsonRecord, type Json, type JsonRecord } from './json.js'

/** A value to be filled in, and what is made of a problem with its place. */
export interface Hole {
  readonly value: Json
  readonly bad: (problem: string, hint?: string) => Error
  /** As it is written: a comment keeps it. */
  readonly text: string
}

const plainWord = /^[A-Za-z0-9_./:-]+$/
// Words that begin something where a command may stand.
const reserved = new Set(
  'if then else elif fi do done case esac while until for in select function time coproc repeat foreach end'.split(' '),
)

const isPlain = (text: string): boolean => plainWord.test(text) && !text.includes('..') && !reserved.has(text)

const singleQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** One word of a POSIX shell that is this text. */
export const quoteWord = (text: string): string => (isPlain(text) ? text : singleQuoted(text))

/** Shells whose quoting is that of POSIX. */
const knownShells = new Set(['sh', 'bash', 'dash', 'ash', 'ksh', 'mksh', 'zsh', 'busybox'])

/** The script with its holes filled. Throws what a hole's `bad` makes where its value cannot stand. */
export function fillScript(parts: readonly (string | Hole)[], shell: string | undefined): string {
  const known = shell === undefined || knownShells.has(shell.replace(/^.*\//s, ''))
  const scan = new Scanner(known)
  let script = ''
  for (const [i, part] of parts.entries()) {
    if (typeof part === 'string') {
      scan.read(part)
      script += part
      continue
    }
    const next = parts[i + 1]
    const filled = fillHole(part, scan.place, typeof next === 'string' ? next : '')
    scan.readValue()
    script += filled
  }
  return script
}

type Stands = 'bare' | 'single' | 'double' | 'comment' | 'dollar' | 'unsure'

function fillHole(hole: Hole, place: Stands, next: string): string {
  const { bad, text } = hole
  if (place === 'comment') return text
  if (place === 'dollar') throw bad(`'${text}' stands behind a '$' or '\\'`, "write '\\$' for a dollar sign")
  const { value } = hole
  if (value === null) throw bad(`'${text}' has no value`)
  if (typeof value !== 'object') return fillScalar(String(value), { hole, place, next })
  if (place === 'single' || place === 'double')
    throw bad(`'${text}' is a ${isJsonRecord(value) ? 'map' : 'list'}, which cannot stand inside quotes`)
  const words = isJsonRecord(value) ? options(value, hole) : listWords(value, hole)
  return words.map(word => fillScalar(word, { hole, place, next: ' ' })).join(' ')
}

interface Spot {
  readonly hole: Hole
  readonly place: Stands
  readonly next: string
}

function fillScalar(value: string, { hole, place, next }: Spot): string {
  if (value.includes('\0')) throw hole.bad(`'${hole.text}' holds a NUL, which no command can be given`)
  if (place === 'single') return value.replaceAll("'", "'\\''")
  if (place === 'double') return value.replace(/[$`"\\]/g, '\\$&')
  // `2>file` would be about a file descriptor.
  const descriptor = /^\d*[<>]/.test(next) && /^\d+$/.test(value)
  if (place === 'bare') return descriptor ? singleQuoted(value) : quoteWord(value)
  if (isPlain(value) && !descriptor) return value
  throw hole.bad(
    `'${hole.text}' stands where its value cannot be quoted for certain`,
    "hand it over in 'env', or use it outside of here-documents and backquotes",
  )
}

function listWords(list: readonly Json[], { text, bad }: Hole): string[] {
  return list.map(item => {
    if (typeof item === 'object')
      throw bad(`'${text}' is a list with ${item === null ? 'nothing' : 'more than texts'} in it`)
    return String(item)
  })
}

// As DVC does it: `--a.b value`, `--flag`, `--list 1 2`.
function options(record: JsonRecord, hole: Hole, prefix = '--'): string[] {
  return Object.entries(record).flatMap(([key, value]) => {
    const name = `${prefix}${key}`
    if (value === true) return [name]
    if (value === false || value === null) return []
    if (Array.isArray(value)) return value.length === 0 ? [] : [name, ...listWords(value, hole)]
    return isJsonRecord(value) ? options(value, hole, `${name}.`) : [name, String(value)]
  })
}

type Inside = { readonly kind: 'top' | 'double' } | { readonly kind: 'substitution'; depth: number }

/** Reads the text of a script and knows how its next character would be taken. */
class Scanner {
  readonly #inside: Inside[] = [{ kind: 'top' }]
  #single = false
  #comment = false
  #sure: boolean
  /** Whether a `#` would begin a comment. */
  #wordStart = true
  /** An unescaped `$` or `\` came just before. */
  #dollar = false
  /** Inside `name[…]`, which bash takes for arithmetic: quotes are no protection there. */
  #subscript = false
  /** The word so far; `-` for what is quoted. */
  #word = ''

  constructor(sure: boolean) {
    this.#sure = sure
  }

  get place(): Stands {
    if (this.#comment) return 'comment'
    if (this.#single) return 'single'
    if (this.#dollar) return 'dollar'
    if (!this.#sure || this.#subscript) return 'unsure'
    return this.#top.kind === 'double' ? 'double' : 'bare'
  }

  /** Something was filled in: whatever it is, it is text of a word. */
  readValue(): void {
    this.#wordStart = false
    this.#dollar = false
    this.#word = '-'
  }

  read(text: string): void {
    for (let i = 0; i < text.length; ) i += this.#step(text, i)
  }

  get #top(): Inside {
    return this.#inside.at(-1) ?? { kind: 'top' }
  }

  // How many characters were taken.
  #step(text: string, i: number): number {
    const c = text[i] as string
    if (this.#comment) {
      if (c === '\n') this.#comment = false
      this.#wordStart = true
      return 1
    }
    if (this.#single) {
      if (c === "'") this.#single = false
      return 1
    }
    const after = this.#dollar
    // A `\` at the end would take away the first character of a value's quotes.
    this.#dollar = c === '\\' && i === text.length - 1
    if (!this.#sure) {
      if (c === '$') this.#dollar = true
      return c === '\\' ? 2 : 1
    }
    // A line that goes on is no word, so that a `#` may still begin a comment.
    if (text.startsWith('\\\n', i)) return 2
    if (c === '\\') return this.#text(2)
    if (c === '`') return this.#lost()
    if (c === '$') return this.#expansion(text.slice(i, i + 256))
    return this.#top.kind === 'double' ? this.#inDouble(c) : this.#bare(text, i, after)
  }

  #inDouble(c: string): number {
    if (c === '"') this.#inside.pop()
    return this.#text(1)
  }

  #bare(text: string, i: number, afterDollar: boolean): number {
    const c = text[i] as string
    if (c === "'") {
      if (afterDollar) return this.#lost()
      this.#single = true
      return this.#text(1)
    }
    if (c === '"') {
      this.#text(1)
      this.#inside.push({ kind: 'double' })
      return 1
    }
    if (c === '#' && this.#wordStart) {
      // In `$(…)` shells differ in what ends a comment, and `(#` begins a pattern in zsh.
      if (this.#inside.length > 1 || text[i - 1] === '(') return this.#lost()
      this.#comment = true
      return 1
    }
    if (text.startsWith('((', i)) return this.#arithmetic(text.slice(i))
    if (text.startsWith('<<<', i)) return this.#operator(3)
    if (text.startsWith('<<', i)) return this.#lost()
    if (/[ \t\n;&|<>()]/.test(c)) return this.#separator(c)
    if (c === '[' && afterDollar) return this.#lost()
    if (c === '[' && /[^[]/.test(this.#word)) this.#subscript = true
    if (c === ']') this.#subscript = false
    this.#word += c
    this.#wordStart = false
    return 1
  }

  #separator(c: string): number {
    if (c === '\n') this.#subscript = false
    const top = this.#top
    if (top.kind === 'substitution') {
      // The `)` of its patterns would look like the end.
      if (this.#word === 'case' || this.#word === 'esac') return this.#lost()
      if (c === '(') top.depth++
      if (c === ')' && --top.depth === 0) {
        this.#inside.pop()
        return this.#text(1)
      }
    }
    return this.#operator(1)
  }

  #operator(length: number): number {
    this.#wordStart = true
    this.#word = ''
    return length
  }

  // `$(…)`, `${…}`, `$'` and `$name`.
  #expansion(text: string): number {
    if (text.startsWith('$((')) return this.#arithmetic(text)
    if (text.startsWith('$(')) {
      this.#inside.push({ kind: 'substitution', depth: 1 })
      return this.#operator(2)
    }
    const braces = /^\$\{[^{}'"`\\$()\n]*\}/.exec(text)
    if (braces !== null) return this.#text(braces[0].length)
    if (text.startsWith('${')) return this.#lost()
    if (text.startsWith("$'")) return this.#top.kind === 'double' ? this.#text(1) : this.#lost()
    this.#text(1)
    this.#dollar = true
    return 1
  }

  // Read over where it is plain and whole: quotes mean nothing in it.
  #arithmetic(text: string): number {
    const whole = /^\$?\(\([^()'"`\\$#{}[\]\n]*\)\)/.exec(text)
    return whole === null ? this.#lost() : this.#text(whole[0].length)
  }

  #text(length: number): number {
    this.#wordStart = false
    this.#word += '-'
    return length
  }

  #lost(): number {
    this.#sure = false
    return 1
  }
}
