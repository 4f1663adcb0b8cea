// The built-in steps: what each takes under `with`, and which of that it reads and makes, so that its stage names no path
// twice. What a step does is an op of its name (ops/extract.ts and so on).

import type { JsonRecord } from './json.js'
import type { Named, RecordShape, Shape } from './shape.js'
import type { TreePath } from './tree-path.js'

/** From a warehouse to a file. */
export interface ExtractRequest {
  /** Of the configuration's `connections`. */
  readonly connection: string
  /** A file of one SQL statement that reads; this or `table`. */
  readonly query?: TreePath
  /** A whole table: `name` or `schema.name`. */
  readonly table?: string
  /** Values for the query's `$name`. */
  readonly params?: JsonRecord
  /** For people: the data set that the rows belong to. */
  readonly dataset?: string
  /** `.csv` or `.parquet`. */
  readonly to: TreePath
}

/** A file of rows against a schema. */
export interface ValidateRequest {
  readonly data: TreePath
  readonly schema: TreePath
  /** JSON. */
  readonly report?: TreePath
  readonly html?: TreePath
  /** Files that the schema's foreign keys refer to. */
  readonly references?: readonly TreePath[]
}

/** From staging to its place, under a pointer, and to a lake. */
export interface LoadRequest {
  readonly data: TreePath
  readonly to: TreePath
  /** Of the configuration's `lakes`. */
  readonly lake?: string
}

/** A model into the registry. */
export interface RegisterRequest {
  readonly model: TreePath
  readonly name: string
  /** `major`, `minor`, `patch`, or a version such as `v1.2.0`; the next patch unless told. */
  readonly version?: string
  /** To which it is promoted, such as `production`. */
  readonly stage?: string
  /** JSON or YAML of numbers. */
  readonly metrics?: TreePath
}

export interface StepRequests {
  readonly extract: ExtractRequest
  readonly validate: ValidateRequest
  readonly load: LoadRequest
  readonly register: RegisterRequest
}

export type StepName = keyof StepRequests

/**
 * What the path of an option is to the stage: `dep` is read, `out` is made and kept by ddv, `report` is made and kept by
 * git, `tracked` is made and put under a pointer, which later runs and production go by.
 */
export type PathRole = 'dep' | 'out' | 'report' | 'tracked'

export interface StepDescription {
  readonly shape: RecordShape
  readonly paths: Readonly<Record<string, PathRole>>
  /** It does more than to make outs, so that a result of before cannot stand for a run. */
  readonly hasEffects: boolean
}

const name: Named = { kind: 'text', pattern: /^[^\u0000-\u001f\u007f]+$/, expected: 'a text of one line' }
const scalar: Shape = {
  kind: 'choice',
  shapes: [
    { kind: 'text' },
    { kind: 'number', whole: false, min: -Number.MAX_VALUE, max: Number.MAX_VALUE },
    { kind: 'flag' },
    { kind: 'null' },
  ],
}

const descriptions: Readonly<Record<StepName, StepDescription>> = {
  extract: {
    shape: {
      kind: 'record',
      fields: {
        connection: { shape: name, about: "one of the configuration's connections" },
        query: { shape: name, about: 'a file of one SQL statement that reads' },
        table: { shape: name, about: 'a whole table, in place of a query' },
        params: { shape: { kind: 'map', values: scalar }, about: "values for the query's $name" },
        dataset: { shape: name, about: 'the data set that the rows belong to, for people' },
        to: { shape: name, about: 'the file that it makes: .csv or .parquet' },
      },
      required: ['connection', 'to'],
      oneOf: ['query', 'table'],
    },
    paths: { query: 'dep', to: 'out' },
    hasEffects: false,
  },
  validate: {
    shape: {
      kind: 'record',
      fields: {
        data: { shape: name, about: 'the file of rows: .csv, .tsv, .jsonl or .parquet' },
        schema: { shape: name, about: 'what is expected of them: a schema in YAML or JSON' },
        report: { shape: name, about: 'where to write what was found, as JSON' },
        html: { shape: name, about: 'where to write what was found, as a page' },
        references: {
          shape: { kind: 'list', items: name },
          about: "files that the schema's foreign keys refer to",
        },
      },
      required: ['data', 'schema'],
    },
    paths: { data: 'dep', schema: 'dep', report: 'report', html: 'report', references: 'dep' },
    hasEffects: false,
  },
  load: {
    shape: {
      kind: 'record',
      fields: {
        data: { shape: name, about: 'the file or directory that was validated' },
        to: { shape: name, about: 'its place, where it gets a pointer' },
        lake: { shape: name, about: "one of the configuration's lakes, which gets the same tree" },
      },
      required: ['data', 'to'],
    },
    paths: { data: 'dep', to: 'tracked' },
    hasEffects: true,
  },
  register: {
    shape: {
      kind: 'record',
      fields: {
        model: { shape: name, about: 'the file or directory that is the model' },
        name: { shape: name, about: 'the name of the model' },
        version: { shape: name, about: 'major, minor, patch, or a version such as v1.2.0; the next patch unless told' },
        stage: { shape: name, about: 'what it is promoted to, such as production' },
        metrics: { shape: name, about: 'a file of numbers that tell how good it is' },
      },
      required: ['model', 'name'],
    },
    paths: { model: 'dep', metrics: 'dep' },
    hasEffects: true,
  },
}

export const stepNames = Object.keys(descriptions) as readonly StepName[]

export const isStepName = (text: string): text is StepName => Object.hasOwn(descriptions, text)

export const describeStep = (step: StepName): StepDescription => descriptions[step]

/** What a stage's `with` says, once it was checked against the step's shape and its paths begin at the workspace. */
export const requestOf = <N extends StepName>(_step: N, options: JsonRecord): StepRequests[N] =>
  options as object as StepRequests[N]
