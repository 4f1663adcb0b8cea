// `${a.b[0]}` in the texts of `ddv.yaml`. See FORMAT.md.

import { nearest } from './did-you-mean.js'
import { isJsonRecord, type Json, type JsonRecord } from './json.js'
import { shortened } from './located.js'
import { own } from './merge-records.js'

export interface Template {
  /** As it is written, with `${` and `}`. */
  readonly text: string
  readonly path: readonly string[]
}

export type Part = string | Template

/** Makes the error of one text. */
export type Bad = (problem: string, hint?: string) => Error

const whole = /^\$\{[^{}\n]*\}$/

export const isWholeTemplate = (value: unknown): value is string => typeof value === 'string' && whole.test(value)

/** Whether anything in it is to be filled in or unescaped. */
export const mayHaveTemplates = (text: string): boolean => text.includes('${')

/** The texts between templates, with `\${` as `${`, and the templates. Throws what `bad` makes of a problem. */
export function parseTemplates(text: string, bad: Bad): readonly Part[] {
  const parts: Part[] = []
  let literal = ''
  let at = 0
  for (let next = text.indexOf('${'); next >= 0; next = text.indexOf('${', at)) {
    if (text[next - 1] === '\\' && next > at) {
      literal += `${text.slice(at, next - 1)}\${`
      at = next + 2
      continue
    }
    const end = text.indexOf('}', next)
    if (end < 0 || text.slice(next, end).includes('\n'))
      throw bad(`'${shortened(text.slice(next))}' has no end`, "write '\\${' for the shell's own")
    literal += text.slice(at, next)
    if (literal !== '') parts.push(literal)
    literal = ''
    parts.push(parseTemplate(text.slice(next, end + 1), bad))
    at = end + 1
  }
  literal += text.slice(at)
  return literal === '' ? parts : [...parts, literal]
}

const step = /\.?([\p{L}\p{N}_][\p{L}\p{N}_ /\\-]*)|\[ *(\d+|[\p{L}_][\p{L}\p{N}_-]*) *\]/uy

function parseTemplate(text: string, bad: Bad): Template {
  const inner = text.slice(2, -1).trim()
  const path: string[] = []
  step.lastIndex = 0
  while (step.lastIndex < inner.length) {
    const first = step.lastIndex === 0
    const [all, name, index] = step.exec(inner) ?? []
    // `a.b` has dots between names and none before the first; a name comes first.
    const fits = all !== undefined && (index !== undefined ? !first : all.startsWith('.') !== first)
    if (!fits) throw bad(`'${shortened(text)}' is no template`, `write '\\${shortened(text)}' for the shell's own`)
    path.push((name ?? index ?? '').trim())
  }
  if (path.length === 0) throw bad(`'${shortened(text)}' names nothing`)
  return { text, path }
}

/** What templates are filled from; the first that has the name counts. */
export type Scope = readonly JsonRecord[]

/** The value of a name. Throws what `bad` makes of a problem, with the nearest name. */
export function lookUp({ text, path }: Template, scope: Scope, bad: Bad): Json {
  const [first = '', ...rest] = path
  let value = scope.map(record => own(record, first)).find(found => found !== undefined)
  if (value === undefined) throw unknown(text, { done: [], missing: first, known: scope.flatMap(Object.keys), bad })
  const done = [first]
  for (const name of rest) {
    const next = childOf(value, name)
    const known = isJsonRecord(value) ? Object.keys(value) : []
    if (next === undefined) throw unknown(text, { done, missing: name, known, bad })
    value = next
    done.push(name)
  }
  return value
}

function childOf(value: Json, name: string): Json | undefined {
  if (isJsonRecord(value)) return own(value, name)
  return Array.isArray(value) && /^\d+$/.test(name) ? value[Number(name)] : undefined
}

interface Missing {
  readonly done: readonly string[]
  readonly missing: string
  readonly known: readonly string[]
  readonly bad: Bad
}

function unknown(text: string, { done, missing, known, bad }: Missing): Error {
  const guess = nearest(missing, known)
  const hint =
    guess === undefined
      ? "a '\\$' in place of '$' leaves it to the shell"
      : `did you mean '\${${[...done, guess].join('.')}}'?`
  return bad(`unknown name '${shortened([...done, missing].join('.'))}' in '${shortened(text)}'`, hint)
}

/** The text that a value is outside of commands. */
export function plainText(value: Json, { text }: Template, bad: Bad): string {
  if (Array.isArray(value)) throw bad(`'${shortened(text)}' is a list where a text belongs`)
  if (isJsonRecord(value)) throw bad(`'${shortened(text)}' is a map where a text belongs`)
  if (value === null) throw bad(`'${shortened(text)}' has no value`)
  return String(value)
}

/** The text with every template filled in. */
export const fillText = (text: string, scope: Scope, bad: Bad): string =>
  parseTemplates(text, bad)
    .map(part => (typeof part === 'string' ? part : plainText(lookUp(part, scope, bad), part, bad)))
    .join('')

/** As `fillText`; but a text that is one template and no more gives its value as it is. */
export function fillValue(text: string, scope: Scope, bad: Bad): Json {
  if (!isWholeTemplate(text)) return fillText(text, scope, bad)
  const [part] = parseTemplates(text, bad)
  return typeof part === 'object' ? lookUp(part, scope, bad) : text
}
