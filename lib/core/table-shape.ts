// Every key of a table's schema, with what it may hold: table-schema.ts checks against it, and `ddv schema --table` prints
// it as a JSON schema for editors.

import type { JsonRecord } from './json.js'
import { type Field, type Named, type RecordShape, type Shape, schemaOf } from './shape.js'

export const columnTypes = ['integer', 'number', 'string', 'boolean', 'date', 'timestamp'] as const
export type ColumnType = (typeof columnTypes)[number]

const text: Shape = { kind: 'text' }
const flag: Shape = { kind: 'flag' }
const count: Shape = { kind: 'number', whole: true, min: 0, max: Number.MAX_SAFE_INTEGER }
const number: Shape = { kind: 'number', whole: false, min: -Number.MAX_VALUE, max: Number.MAX_VALUE }
const listOf = (items: Shape): Shape => ({ kind: 'list', items })
const record = (fields: Readonly<Record<string, Field>>, required?: readonly string[]): RecordShape => ({
  kind: 'record',
  fields,
  ...(required !== undefined && { required }),
})

const bound: Named = {
  kind: 'choice',
  shapes: [number, text],
  expected: 'a number, or a date or a time as a text',
}
const value: Named = {
  kind: 'choice',
  shapes: [text, number, flag],
  expected: 'a text, a number, or true or false',
}

const columnFields: Readonly<Record<string, Field>> = {
  type: {
    shape: { kind: 'text', options: columnTypes },
    about: 'what each value is; anything where there is no type',
  },
  nullable: { shape: flag, about: 'false: every row has a value' },
  unique: { shape: flag, about: 'true: no two rows have the same value' },
  min: { shape: bound, about: 'the least value that is allowed' },
  max: { shape: bound, about: 'the greatest value that is allowed' },
  pattern: { shape: text, about: 'a regular expression (RE2) that is found in every value' },
  allowed: { shape: listOf(value), about: 'the only values that there may be' },
  minLength: { shape: count, about: 'of how many characters a text is at least' },
  maxLength: { shape: count, about: 'of how many characters a text is at most' },
  desc: { shape: text, about: 'what it is, for people' },
}

const names: Shape = listOf(text)

const foreignKey = record(
  {
    columns: { shape: names, about: 'the columns of this table' },
    references: {
      shape: record(
        {
          file: {
            shape: text,
            about: 'the file that has the rows, from the workspace; this table where there is none',
          },
          columns: { shape: names, about: 'its columns, in the same order' },
        },
        ['columns'],
      ),
      about: 'where each combination of their values is found',
    },
  },
  ['columns', 'references'],
)

const keys = record({
  primary: { shape: names, about: 'columns that together name a row: never empty, never twice the same' },
  unique: { shape: listOf(names), about: 'lists of columns of which no two rows have the same values' },
  foreign: { shape: listOf(foreignKey), about: 'columns whose values are found in another file' },
})

const check = record(
  {
    name: { shape: text, about: 'what it is called where it fails' },
    sql: { shape: text, about: 'a SELECT of what is wrong: it must give no rows; the table is called data' },
  },
  ['name', 'sql'],
)

/** A whole schema. */
export const tableShape: RecordShape = record(
  {
    columns: {
      shape: {
        kind: 'map',
        values: { kind: 'choice', shapes: [record(columnFields), { kind: 'null' }] },
        each: 'column',
      },
      about: 'the columns, by name',
    },
    rows: {
      shape: record({
        min: { shape: count, about: 'how many rows there are at least' },
        max: { shape: count, about: 'how many rows there are at most' },
      }),
      about: 'how many rows there may be',
    },
    keys: { shape: keys, about: 'columns that name rows, here or in other files' },
    checks: { shape: listOf(check), about: 'rules of your own, in SQL' },
    extra: {
      shape: { kind: 'text', options: ['allow', 'refuse'] },
      about: 'whether the file may have columns that are not named here; refuse unless told',
    },
    desc: { shape: text, about: 'what the table is, for people' },
  },
  ['columns'],
)

/** JSON schema, draft 2020-12, of a table's schema. */
export const tableJsonSchema = (): JsonRecord => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'ddv: the schema of a table',
  ...schemaOf(tableShape, false),
})
