// What became of a table under its schema: every rule with its outcome, and what is in the columns. The same data and the
// same schema give the same report, byte for byte: it knows no times.

import type { Digest } from './digest.js'
import type { Json, JsonRecord } from './json.js'
import type { ColumnType } from './table-shape.js'
import type { TreePath } from './tree-path.js'

export type RuleName =
  | 'present'
  | 'extra'
  | 'type'
  | 'nullable'
  | 'min'
  | 'max'
  | 'minLength'
  | 'maxLength'
  | 'pattern'
  | 'allowed'
  | 'unique'
  | 'rows'
  | 'primary'
  | 'foreign'
  | 'check'

export interface OffendingRow {
  /** Counted from 1, without the line of names; absent where rows of the file are not what is wrong. */
  readonly row?: number
  /** As texts, null for none; very long ones are cut. */
  readonly values: Readonly<Record<string, string | null>>
  /** The first row that has the same values. */
  readonly as?: number
}

export interface RuleReport {
  readonly rule: RuleName
  /** Empty for a rule about the table as a whole. */
  readonly columns: readonly string[]
  /** What is asked for, in words: `at least 0`. */
  readonly expected: string
  /** `skipped`: its column is not there. */
  readonly outcome: 'passed' | 'broken' | 'skipped'
  /** How many rows break it; for a rule about the table, how much is wrong. */
  readonly count: number
  /** The first of them. */
  readonly rows: readonly OffendingRow[]
}

/** Equal steps from the least to the greatest value, and how many values are in each. */
export interface Histogram {
  readonly from: number
  readonly to: number
  readonly counts: readonly number[]
}

export interface ColumnReport {
  readonly name: string
  /** As the schema has it; where it says nothing, as the values are. */
  readonly type: ColumnType
  readonly nulls: number
  /** Of texts the least and greatest length, otherwise the least and greatest value. Absent where there is none. */
  readonly min?: number | string
  readonly max?: number | string
  /** Of numbers, dates and times; in seconds since 1970 for the latter two. */
  readonly histogram?: Histogram
  /** The most frequent values, where there are few different ones. */
  readonly top?: readonly { readonly value: string; readonly count: number }[]
  /** How many different ones there are, where `top` is there. */
  readonly distinct?: number
}

/** Of the data alone, wherever it lies. */
export interface TableFindings {
  readonly rows: number
  readonly columns: readonly ColumnReport[]
  readonly rules: readonly RuleReport[]
}

export interface ReportedFile {
  readonly path: TreePath
  readonly hash: Digest
}

export interface TableReport extends TableFindings {
  readonly valid: boolean
  readonly data: ReportedFile & { readonly size: number }
  readonly schema: ReportedFile
  /** Files that foreign keys refer to. */
  readonly references: readonly ReportedFile[]
}

export const brokenRules = ({ rules }: Pick<TableFindings, 'rules'>): readonly RuleReport[] =>
  rules.filter(({ outcome }) => outcome === 'broken')

/** What begins every report, so that no other file is taken for one. */
export const reportStart = '{\n  "ddvReport": 1,\n'

/** The report as a file. */
export function encodeReport({ valid, data, schema, references, rows, columns, rules }: TableReport): string {
  const report: JsonRecord = {
    ddvReport: 1,
    valid,
    data: { path: data.path, hash: data.hash, size: data.size },
    schema: { path: schema.path, hash: schema.hash },
    references: references.map(({ path, hash }) => ({ path, hash })),
    rows,
    broken: brokenRules({ rules }).length,
    rules: rules.map(ruleRecord),
    columns: columns.map(columnRecord),
  }
  return `${JSON.stringify(report, null, 2)}\n`
}

const ruleRecord = ({ rule, columns, expected, outcome, count, rows }: RuleReport): JsonRecord => ({
  ...{ rule, columns, expected, outcome },
  ...(outcome === 'broken' && {
    count,
    rows: rows.map(({ row, values, as }) => ({
      ...(row !== undefined && { row }),
      values,
      ...(as !== undefined && { as }),
    })),
  }),
})

const columnRecord = ({ name, type, nulls, min, max, histogram, top, distinct }: ColumnReport): JsonRecord =>
  Object.fromEntries(
    Object.entries({ name, type, nulls, min, max, distinct, top, histogram }).filter(
      (entry): entry is [string, Exclude<(typeof entry)[1], undefined> & Json] => entry[1] !== undefined,
    ),
  )
