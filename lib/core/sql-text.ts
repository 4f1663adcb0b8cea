// What ddv must know of a query without understanding it: where its one statement ends, which `$name` it has, and whether
// an ORDER BY stands at its top. So texts, quoted names and comments are told from the rest, and nothing else.

import { DdvError } from './errors.js'
import { displayPath } from './tree-path.js'

/** `standard`: PostgreSQL's and DuckDB's; BigQuery has other quotes and comments. */
export type SqlSyntax = 'standard' | 'bigquery'

export interface SqlText {
  /** The statement without the `;` at its end. */
  readonly text: string
  /** Each place of a `$name`, in order. */
  readonly params: readonly SqlParam[]
  /** Whether its rows come in an order that it asks for. */
  readonly ordered: boolean
}

export interface SqlParam {
  readonly name: string
  /** From its `$` on, in `text`. */
  readonly start: number
  readonly end: number
}

type Kind = 'space' | 'quoted' | 'word' | 'param' | 'other'

interface Token {
  readonly kind: Kind
  readonly text: string
  readonly start: number
}

const space = /\s+|--[^\n]*/y
// A `$` may be inside a name; between two of them stands the tag of a text.
const word = /[\p{L}_][\p{L}\p{N}_$]*/uy
const number = /\d[\p{L}\p{N}_.]*/uy
const param = /\$[\p{L}\p{N}_]+/uy

const quotes: Readonly<Record<SqlSyntax, readonly RegExp[]>> = {
  standard: [
    /[eE]'(?:[^'\\]|\\.|'')*'/sy,
    /'(?:[^']|'')*'/y,
    /"(?:[^"]|"")*"/y,
    /\$([\p{L}_][\p{L}\p{N}_]*)?\$.*?\$\1\$/suy,
  ],
  bigquery: [
    /[rR][bB]?('''|""").*?\1|[rR][bB]?'[^'\n]*'|[rR][bB]?"[^"\n]*"/sy,
    /('''|""")(?:[^\\]|\\.)*?\1/sy,
    /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/sy,
    /#[^\n]*/y,
  ],
}

/** Throws `refused` for what is not one statement; `source` is its name in messages. */
export function parseSql(sql: string, syntax: SqlSyntax, source: string): SqlText {
  const tokens = [...scan(sql, syntax, source)]
  const solid = tokens.filter(({ kind }) => kind !== 'space')
  const end = solid.findIndex(({ kind, text }) => kind === 'other' && text === ';')
  const statement = end < 0 ? solid : solid.slice(0, end)
  const rest = end < 0 ? [] : solid.slice(end).filter(({ text }) => text !== ';')
  if (statement.length === 0) throw refused('holds no SQL statement', source)
  if (rest[0] !== undefined)
    throw refused('has more than one SQL statement', placeOf(sql, rest[0].start, source), 'one file, one query')
  const params = statement.filter(({ kind }) => kind === 'param').map(token => paramOf(token, sql, source))
  const first = statement[0]?.start ?? 0
  const last = statement.at(-1)
  // Lines are counted from the top of the file: what stands above stays, as empty lines.
  const above = sql.slice(0, first).replace(/[^\n]+/g, '')
  return {
    text: above + sql.slice(first, last === undefined ? first : last.start + last.text.length),
    params: params.map(one => shifted(one, first - above.length)),
    ordered: isOrdered(statement),
  }
}

const shifted = ({ name, start, end }: SqlParam, by: number): SqlParam => ({ name, start: start - by, end: end - by })

const refused = (problem: string, place: string, hint?: string): DdvError =>
  new DdvError('refused', `${problem}: ${displayPath(place)}`, hint === undefined ? {} : { hint })

/** `sql/movies.sql:3`. */
export const placeOf = (sql: string, offset: number, source: string): string =>
  `${source}:${sql.slice(0, offset).split('\n').length}`

function* scan(sql: string, syntax: SqlSyntax, source: string): Generator<Token> {
  const match = (pattern: RegExp, at: number): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(sql)?.[0]
  }
  for (let at = 0; at < sql.length; ) {
    const token = next(sql, at, { match, syntax, source })
    yield { ...token, start: at }
    at += token.text.length
  }
}

interface Scanning {
  readonly match: (pattern: RegExp, at: number) => string | undefined
  readonly syntax: SqlSyntax
  readonly source: string
}

function next(sql: string, at: number, { match, syntax, source }: Scanning): Pick<Token, 'kind' | 'text'> {
  const blank = match(space, at) ?? (sql.startsWith('/*', at) ? blockComment(sql, at, { syntax, source }) : undefined)
  if (blank !== undefined) return { kind: 'space', text: blank }
  for (const pattern of quotes[syntax]) {
    const text = match(pattern, at)
    if (text !== undefined) return { kind: text.startsWith('#') ? 'space' : 'quoted', text }
  }
  for (const [kind, pattern] of [
    ['word', word],
    ['other', number],
    ['param', param],
  ] as const) {
    const text = match(pattern, at)
    if (text !== undefined) return { kind, text }
  }
  if (/['"`]/.test(sql[at] ?? '') && !(syntax === 'standard' && sql[at] === '`'))
    throw refused('a text or name that never ends', placeOf(sql, at, source))
  return { kind: 'other', text: sql[at] ?? '' }
}

// They nest, but not in BigQuery.
function blockComment(sql: string, at: number, { syntax, source }: Pick<Scanning, 'syntax' | 'source'>): string {
  let depth = 0
  for (const { 0: mark, index } of sql.slice(at).matchAll(/\/\*|\*\//g)) {
    depth += mark === '*/' ? -1 : syntax === 'standard' || depth === 0 ? 1 : 0
    if (depth === 0) return sql.slice(at, at + index + 2)
  }
  throw refused('a comment that never ends', placeOf(sql, at, source))
}

function paramOf({ text, start }: Token, sql: string, source: string): SqlParam {
  const name = text.slice(1)
  if (/^\d/.test(name))
    throw refused(`a value by its number, '${text}'`, placeOf(sql, start, source), `values have names: '$name'`)
  return { name, start, end: start + text.length }
}

/** ORDER BY in no parentheses: those of windows, aggregates and subqueries are in some. */
function isOrdered(statement: readonly Token[]): boolean {
  let depth = 0
  for (const [i, { kind, text }] of statement.entries()) {
    if (kind === 'other') depth += '([{'.includes(text) ? 1 : ')]}'.includes(text) ? -1 : 0
    const following = statement[i + 1]
    if (depth === 0 && kind === 'word' && /^order$/i.test(text) && following?.kind === 'word')
      if (/^by$/i.test(following.text)) return true
  }
  return false
}

/** The text with each `$name` as this warehouse writes it. */
export function writeParams({ text, params }: SqlText, write: (name: string) => string): string {
  let written = ''
  let at = 0
  for (const { name, start, end } of params) {
    written += text.slice(at, start) + write(name)
    at = end
  }
  return written + text.slice(at)
}

/** Each name once, in the order of its first place. */
export const paramNames = ({ params }: SqlText): readonly string[] => [...new Set(params.map(({ name }) => name))]
