// A table held against a schema. The file is read a few times and never kept: each pass is one question to all of its rows,
// so that memory stays the same however many there are. What does not fit (the values of a unique column, say) DuckDB puts
// where it is told.
//
// First pass: how many rows break each rule about single rows, and what is in the columns. Second: how values are spread.
// One for each key, each foreign key and each check in SQL. A last one, where rules are broken, finds the first rows that
// break them: only that one numbers rows, which one thread alone can do.

import { DdvError } from '../core/errors.js'
import { badPlace, type Place } from '../core/located.js'
import type { RuleReport, TableFindings } from '../core/table-report.js'
import type { TableSchema } from '../core/table-schema.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { Aggregates } from './aggregates.js'
import { columnSql, naturalType, sqlTypeOf } from './column-values.js'
import { type Database, type DatabaseOptions, quoteName, quoteText, withDatabase } from './duckdb.js'
import type { TableFile } from './table-files.js'
import { checkForeign, checkUnique, type KeyOptions } from './table-keys.js'
import { type Broken, firstRows, runCheck } from './table-offences.js'
import { profileColumns, spreadColumns, spreadTable } from './table-profile.js'
import { planRules, type Rule } from './table-rules.js'
import { openSource, type TableSource } from './table-source.js'

export interface CheckOptions extends Omit<DatabaseOptions, 'memory' | 'ordered'> {
  /** The schema's path, for messages. */
  readonly schemaPath: string
  /** The files that foreign keys name. */
  readonly references: ReadonlyMap<TreePath, TableFile>
  /** How many of the rows that break a rule are given, at most. */
  readonly limit: number
  /** Called as often as the data was read once more. */
  readonly onPass?: ((passes: { readonly done: number; readonly all: number }) => void) | undefined
}

/** What DuckDB may hold. Readers and threads take as much again beside it. */
const memory = '128MB'
/** More threads than this need more memory than that. */
const maxThreads = 4

/** Throws `refused` for what cannot be read as a table, `bad-config` for what of the schema only DuckDB can judge. */
export function checkTable(data: TableFile, schema: TableSchema, options: CheckOptions): Promise<TableFindings> {
  const threads = Math.min(options.threads, maxThreads)
  return withDatabase({ ...options, threads, memory, ordered: true }, async database => {
    await refusePatterns(database, schema, options.schemaPath)
    const source = await openSource(
      database,
      data,
      schema.columns.map(({ name }) => name),
    )
    await refuseAmbiguous(source, schema)
    await makeViews(database, source, schema)
    return new TableCheck(database, { source, schema, options }).run()
  })
}

async function refusePatterns(database: Database, { columns, places }: TableSchema, file: string): Promise<void> {
  for (const { name, pattern } of columns) {
    if (pattern === undefined) continue
    const at = places.patterns.get(name) ?? { line: 1, column: 1 }
    await database.query(`select regexp_matches('', ${quoteText(pattern)})`, ({ words }) =>
      badPlace(`'pattern' of column '${displayPath(name)}' is no regular expression (${words})`, file, {
        at,
        hint: 'the syntax is that of RE2, which has neither lookahead nor backreferences',
      }),
    )
  }
}

// In SQL names differ by more than case.
async function refuseAmbiguous({ columns }: TableSource, { checks }: TableSchema): Promise<void> {
  if (checks.length === 0) return
  const seen = new Map<string, string>()
  for (const { name } of columns) {
    const other = seen.get(name.toLowerCase())
    if (other !== undefined)
      throw new DdvError(
        'refused',
        `checks in SQL cannot tell columns '${displayPath(other)}' and '${displayPath(name)}' apart`,
      )
    seen.set(name.toLowerCase(), name)
  }
}

/**
 * `typed`: w0 is what is written, s0 the same for people, v0 the value, and so on. `numbered` has `row`, too. `data` is for
 * checks: values under the names of the columns.
 */
async function makeViews(database: Database, source: TableSource, schema: TableSchema): Promise<void> {
  const rows = `(${source.select})`
  await database.query(`create temp view typed as ${typedSelect({ source, schema, from: rows, first: '1 as one' })}`)
  const numbered = `(select row_number() over () as row, * from ${rows})`
  await database.query(`create temp view numbered as ${typedSelect({ source, schema, from: numbered, first: 'row' })}`)
  if (schema.checks.length === 0) return
  const present = new Set(source.columns.map(({ name }) => name))
  // Checks go on where a column is missing: that is told by itself.
  const missing = schema.columns.filter(({ name }) => !present.has(name))
  const named = [
    ...source.columns.map(({ name }, place) => `v${place} as ${quoteName(name)}`),
    ...missing.map(({ name, type }) => `null::${sqlTypeOf(type)} as ${quoteName(name)}`),
  ]
  await database.query(`create temp view data as select ${named.join(', ')} from typed`)
}

interface TypedOptions {
  readonly source: TableSource
  readonly schema: TableSchema
  readonly from: string
  /** A column before all others. */
  readonly first: string
}

function typedSelect({ source, schema, from, first }: TypedOptions): string {
  const typeOf = new Map(schema.columns.map(({ name, type }) => [name, type]))
  const columns = source.columns.map(({ name }, place) =>
    columnSql(source, { place, type: typeOf.get(name), p: `p${place}` }),
  )
  const parsed = columns.map(({ parsed }, i) => `${parsed} as p${i}`)
  const values = columns.map(
    ({ written, shown, value }, i) => `${written} as w${i}, ${shown} as s${i}, ${value} as v${i}`,
  )
  return `select ${[first, ...values].join(', ')} from (select ${['*', ...parsed].join(', ')} from ${from})`
}

interface Work {
  readonly source: TableSource
  readonly schema: TableSchema
  readonly options: CheckOptions
}

class TableCheck {
  readonly #database: Database
  readonly #work: Work
  readonly #rules: readonly Rule[]
  readonly #counts = new Map<Rule, number>()
  readonly #unique = new Map<string, RuleReport>()
  readonly #passes: { done: number; readonly all: number }

  constructor(database: Database, work: Work) {
    this.#database = database
    this.#work = work
    this.#rules = planRules(work.source, work.schema)
    const single = this.#rules.filter(({ kind }) => kind === 'unique' || kind === 'foreign' || kind === 'check')
    this.#passes = { done: 1, all: 3 + single.length }
  }

  async run(): Promise<TableFindings> {
    this.#tell()
    const first = new Aggregates()
    const rowCount = first.addCount('true')
    const counts = this.#rules.map(rule => (rule.kind === 'row' ? first.addCount(rule.broken) : undefined))
    const profiled = this.#profiled()
    const measured = profileColumns(profiled, first)
    await this.#pass(first, 'typed')
    const rows = rowCount()
    for (const [i, count] of counts.entries()) this.#counts.set(this.#rules[i] as Rule, count?.() ?? 0)
    const second = new Aggregates()
    const columns = spreadColumns(measured, second)
    await this.#pass(second, spreadTable(profiled))
    return { rows, columns: columns(), rules: await this.#judge(rows) }
  }

  #profiled() {
    const { source, schema } = this.#work
    const typeOf = new Map(schema.columns.map(({ name, type }) => [name, type]))
    return source.columns.map(({ name }, place) => ({
      ...{ name, place },
      type: typeOf.get(name) ?? naturalType(source, place),
    }))
  }

  async #pass(questions: Aggregates, table: string): Promise<void> {
    await questions.ask(this.#database, table)
    this.#done()
  }

  #done(): void {
    this.#passes.done++
    this.#tell()
  }

  #tell(): void {
    this.#work.options.onPass?.({ ...this.#passes })
  }

  async #judge(rows: number): Promise<readonly RuleReport[]> {
    const reports = new Map<Rule, RuleReport>()
    const { schema, options } = this.#work
    for (const rule of this.#rules) {
      if (rule.kind === 'settled') reports.set(rule, rule.report)
      if (rule.kind === 'rows') reports.set(rule, rowsReport(rule, rows))
      if (rule.kind === 'unique' || rule.kind === 'foreign') reports.set(rule, await this.#keyReport(rule))
    }
    for (const [rule, report] of await this.#rowReports()) reports.set(rule, report)
    // Last, since nothing else can be read once strangers' SQL may run.
    await this.#confine()
    for (const rule of this.#rules) {
      if (rule.kind !== 'check') continue
      const at = schema.places.checks[rule.index] as Place
      const { limit, schemaPath: file } = options
      reports.set(rule, await runCheck(this.#database, rule, { at, file, limit }))
      this.#done()
    }
    return this.#rules.map(rule => reports.get(rule) as RuleReport)
  }

  async #keyReport(rule: Rule & { kind: 'unique' | 'foreign' }): Promise<RuleReport> {
    const options = this.#keyOptions()
    // A column may be unique and the primary key as well.
    const known = rule.kind === 'unique' ? this.#unique.get(rule.places.join()) : undefined
    const report =
      rule.kind === 'foreign'
        ? await checkForeign(this.#database, rule, options)
        : (known ?? (await checkUnique(this.#database, rule, options)))
    if (rule.kind === 'unique') this.#unique.set(rule.places.join(), report)
    this.#done()
    return { ...report, ...rule.head }
  }

  async #rowReports(): Promise<readonly (readonly [Rule, RuleReport])[]> {
    const rules = this.#rules.filter(rule => rule.kind === 'row')
    const broken: Broken[] = rules.flatMap(rule => ((this.#counts.get(rule) ?? 0) > 0 ? [rule] : []))
    const found = await firstRows(this.#database, broken, this.#keyOptions())
    return rules.map(rule => {
      const count = this.#counts.get(rule) ?? 0
      const outcome = count > 0 ? 'broken' : 'passed'
      return [rule, { ...rule.head, outcome, count, rows: found.get(rule) ?? [] }] as const
    })
  }

  #keyOptions(): KeyOptions {
    const { source, schema, options } = this.#work
    const places = new Map(source.columns.map(({ name }, place) => [name, place]))
    return {
      ...{ source, schema, limit: options.limit, references: options.references },
      // What names a row is shown beside what is wrong with it.
      naming: schema.primary.flatMap(name => places.get(name) ?? []),
    }
  }

  async #confine(): Promise<void> {
    const { schema, source } = this.#work
    if (schema.checks.length > 0) await this.#database.confine([source.file.path])
  }
}

function rowsReport({ head, limits }: Rule & { kind: 'rows' }, rows: number): RuleReport {
  const { min = 0, max = rows } = limits
  const count = rows < min ? min - rows : Math.max(0, rows - max)
  return { ...head, outcome: count > 0 ? 'broken' : 'passed', count, rows: [] }
}
