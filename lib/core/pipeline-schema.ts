// Every key of `ddv.yaml`, with what it may hold: the decoder checks against it, and `ddv schema` prints it as a JSON
// schema for editors. Keys that DVC knows and ddv does not are here too, so that none is passed over in silence.

import type { JsonRecord } from './json.js'
import { type Field, type Named, type RecordShape, type Shape, schemaOf } from './shape.js'
import { describeStep, stepNames } from './steps.js'

const text: Shape = { kind: 'text' }
const flag: Shape = { kind: 'flag' }
const nothing: Shape = { kind: 'null' }
const any: Shape = { kind: 'any' }
const scalar: Shape = {
  kind: 'choice',
  shapes: [text, { kind: 'number', whole: false, min: -Number.MAX_VALUE, max: Number.MAX_VALUE }, flag],
}
const name: Named = { kind: 'text', pattern: /^[^\u0000-\u001f\u007f]+$/, expected: 'a text of one line' }
const listOf = (items: Shape): Shape => ({ kind: 'list', items })
const mapOf = (values: Shape): Shape => ({ kind: 'map', values })
const oneOrMore = (shape: Shape): Shape => ({ kind: 'choice', shapes: [shape, listOf(shape)] })
const oneOf = (...shapes: readonly Shape[]): Shape => ({ kind: 'choice', shapes })
const count = (min: number, max: number): Shape => ({ kind: 'number', whole: true, min, max })

const duration: Named = {
  kind: 'text',
  pattern: /^(?:\d{1,9}(?:\.\d{1,3})?(?:ms|s|m|h|d))+$/,
  expected: "a time such as '90s', '10m' or '1h30m'",
}
const size: Shape = oneOf(
  {
    kind: 'text',
    pattern: /^\d+(?:\.\d+)? ?[KMGTkmgt]?[Ii]?[Bb]?$/,
    expected: "a size such as '4GB' or '512MiB'",
  } as Named,
  count(1, Number.MAX_SAFE_INTEGER),
)

const notDrawn = 'ddv draws no plots'
const notKept = 'ddv keeps nothing of it'
const plotKeys = ['x', 'y', 'x_label', 'y_label', 'title', 'template', 'header', 'style']

const outFields: Readonly<Record<string, Field>> = {
  cache: { shape: flag, about: 'false: git has its content, ddv only the digest' },
  persist: { shape: flag, about: 'true: it is left in place while the stage runs, which goes on from it' },
  push: { shape: flag, about: 'false: it is sent to no remote' },
  desc: { shape: text, about: 'what it is, for people' },
  type: { shape: text, about: 'a kind, as DVC has it', unused: notKept },
  labels: { shape: listOf(text), about: 'labels, as DVC has them', unused: notKept },
  meta: { shape: any, about: 'anything, as DVC has it', unused: notKept },
  remote: { shape: any, about: '', refused: "ddv sends all outs to one remote; 'push: false' keeps this one here" },
  checkpoint: { shape: any, about: '', refused: "'persist: true' leaves it in place for the next run" },
}
const record = (fields: Readonly<Record<string, Field>>): RecordShape => ({ kind: 'record', fields })

const drawing = Object.fromEntries(
  plotKeys.map(key => [key, { shape: any, about: 'how DVC draws it', unused: notDrawn }]),
)

// The files of a plot without a path of its own are in its `y`.
const topDrawing = { ...drawing, y: { shape: any, about: 'files, each with the columns that DVC draws' } }

const outsOf = (fields: Readonly<Record<string, Field>>): Shape =>
  oneOf(listOf(oneOf(name, { kind: 'map', values: oneOf(nothing, record(fields)), single: true })), name)

const paths: Shape = oneOrMore(name)

const params: Shape = listOf(oneOf(name, { kind: 'map', values: oneOf(nothing, listOf(name), name), single: true }))

const plainName: Named = {
  kind: 'text',
  pattern: /^(?!.*\$\{)[^\u0000-\u001f\u007f]+$/,
  expected: 'a name without templates',
  fixed: true,
}
// Read before there is anything to fill templates from.
const vars: Shape = { kind: 'list', items: oneOf(plainName, { kind: 'map', values: any, fixed: true }), fixed: true }

const environmentName = /^[A-Za-z_][A-Za-z0-9_]*$/
const env: Shape = oneOf(
  { kind: 'map', keys: environmentName, values: oneOf(scalar, nothing) },
  listOf({ kind: 'text', pattern: /^[A-Za-z_][A-Za-z0-9_]*(?:=[\s\S]*)?$/, expected: 'NAME or NAME=value' } as Named),
)

const resources: Shape = record({
  cpus: {
    shape: { kind: 'number', whole: false, min: 0.001, max: 65_536 },
    about: 'how many processors it keeps busy',
  },
  memory: { shape: size, about: "how much memory it needs: '4GB', or a number of bytes" },
  gpus: { shape: count(0, 4096), about: 'how many graphics processors it needs' },
  time: { shape: duration, about: "the longest that it runs, for a scheduler of jobs: '2h'" },
  partition: { shape: name, about: 'the partition of a scheduler of jobs' },
  account: { shape: name, about: 'the account of a scheduler of jobs' },
})

const stageFields: Readonly<Record<string, Field>> = {
  cmd: { shape: oneOrMore(text), about: 'one script, or several that run one after the other' },
  uses: { shape: { kind: 'text', options: stepNames }, about: 'a built-in step, in place of a command' },
  with: { shape: { kind: 'map', values: any, fixed: true }, about: 'what the built-in step works with' },
  wdir: { shape: name, about: 'the directory in which it runs, from that of this file' },
  deps: { shape: paths, about: 'files and directories that it reads' },
  params: { shape: params, about: 'keys of params.yaml, or of other files, that it depends on' },
  outs: { shape: outsOf(outFields), about: 'files and directories that it makes' },
  metrics: { shape: outsOf({ ...outFields, ...drawing }), about: 'files of numbers that it makes' },
  plots: { shape: outsOf({ ...outFields, ...drawing }), about: 'files for plots that it makes' },
  env: { shape: env, about: 'variables of its environment; without a value, as whoever runs ddv has it' },
  desc: { shape: text, about: 'what it does, for people' },
  meta: { shape: any, about: 'anything else about it' },
  frozen: { shape: flag, about: 'true: it is never run and always taken for fresh' },
  always_changed: { shape: flag, about: 'true: it is always taken for stale' },
  vars: { shape: vars, about: 'more values for templates: maps, or files below wdir' },
  only: {
    shape: { kind: 'text', options: ['development', 'production'] },
    about: 'the one environment in which it runs',
  },
  retry: { shape: count(0, 100), about: 'how many times it is tried again after it failed' },
  timeout: { shape: duration, about: "the longest that one try may take: '2h', '90s', '10m'" },
  resources: { shape: resources, about: 'what it needs of the machine' },
  shell: {
    shape: { kind: 'text', pattern: /^[A-Za-z0-9_./+-]+$/, expected: 'the name of a program' } as Named,
    about: 'the program that runs its commands, such as bash',
  },
  live: { shape: any, about: '', refused: "name what it writes under 'outs', 'metrics' or 'plots'" },
  artifacts: { shape: any, about: '', refused: "a stage with 'uses: register' names and versions a model" },
}

const matrix: Field = {
  shape: { kind: 'map', values: listOf(any) },
  about: 'a stage for each combination of these lists: in templates, item.NAME is a value and key what stands after @',
}

const body: RecordShape = {
  kind: 'record',
  fields: stageFields,
  oneOf: ['cmd', 'uses'],
  needs: { with: 'uses', shell: 'cmd' },
  depends: {
    field: 'with',
    on: 'uses',
    shapes: Object.fromEntries(stepNames.map(step => [step, describeStep(step).shape])),
  },
}
const plainStage: RecordShape = { ...body, fields: { ...stageFields, matrix } }
const eachStage: RecordShape = {
  kind: 'record',
  fields: {
    foreach: {
      shape: oneOf(listOf(any), mapOf(any)),
      about: 'a stage for each of these: in templates, item is a value and key what stands after @',
    },
    do: { shape: body, about: 'the stage' },
  },
  required: ['foreach', 'do'],
}

export const stageShape: Shape = body
export const stageKeys: readonly string[] = Object.keys(stageFields)

const topFiles = (what: string): Field => ({ shape: paths, about: `files of ${what} that belong to no stage` })

/** A whole `ddv.yaml`. */
export const pipelineShape: RecordShape = record({
  vars: { shape: vars, about: 'values for templates: maps, or files such as params.yaml or params.yaml:key,key' },
  stages: {
    shape: oneOf(nothing, {
      kind: 'map',
      keys: /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/,
      each: 'stage',
      fixed: true,
      values: { kind: 'variant', keys: ['foreach', 'do'], with: eachStage, without: plainStage },
    }),
    about: 'the stages, by name',
  },
  params: topFiles('parameters'),
  metrics: topFiles('numbers'),
  plots: {
    shape: oneOf(
      name,
      listOf(oneOf(name, mapOf(oneOf(nothing, record(topDrawing))))),
      mapOf(oneOf(nothing, record(topDrawing))),
    ),
    about: 'files for plots that belong to no stage',
  },
  artifacts: {
    shape: mapOf(any),
    about: 'as DVC has them',
    unused: "a stage with 'uses: register' names and versions a model",
  },
  datasets: { shape: any, about: 'as DVC has them', unused: 'ddv brings in no data sets' },
})

/** JSON schema, draft 2020-12, of `ddv.yaml`. */
export const pipelineJsonSchema = (): JsonRecord => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'ddv.yaml: stages of a pipeline',
  ...schemaOf(pipelineShape),
})
