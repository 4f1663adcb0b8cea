import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { isDdvError } from '../../lib/core/errors.js'
import { expandStages } from '../../lib/core/expand-stages.js'
import { toJson } from '../../lib/core/located.js'
import { decodePipelineFile, type PipelineFile } from '../../lib/core/pipeline-file.js'
import { pipelineJsonSchema } from '../../lib/core/pipeline-schema.js'
import { describeStep, stepNames } from '../../lib/core/steps.js'
import type { TreePath } from '../../lib/core/tree-path.js'
import { parseLocatedYaml } from '../../lib/core/yaml-located.js'
import { ddv } from '../support/fake-io.js'

const validate = new Ajv2020({ strict: false, allErrors: true }).compile(pipelineJsonSchema())

function isRead(text: string): boolean {
  try {
    const pipeline = decodePipelineFile(text, 'ddv.yaml' as TreePath)
    // What it goes on to may be refused, but never fails for want of a check.
    expandsOrRefuses(pipeline)
    return true
  } catch (error) {
    if (isDdvError(error, 'bad-config')) return false
    throw error
  }
}

function expandsOrRefuses(pipeline: PipelineFile): void {
  for (const x of ['a', 1, true, null, ['a'], { a: 1 }])
    try {
      expandStages(pipeline, { files: new Map([['params.yaml' as TreePath, { x, k: 'key', c: false }]]) })
    } catch (error) {
      if (!isDdvError(error, 'bad-config')) throw error
    }
}

// What stands behind each key of a stage: the decoder and the schema say the same of it.
const values = [
  '',
  'x',
  '1',
  '0',
  '-1',
  '0.5',
  '101',
  'true',
  'yes',
  '""',
  '[]',
  '{}',
  '[x]',
  '[1]',
  '[[x]]',
  '[{x: }]',
  '[{x: {cache: false}}]',
  '[{x: {cach: false}}]',
  '[{x: {cache: 1}}]',
  '[{x: {cache: "${c}"}}]',
  '[{x: [a, b]}]',
  '[{x: [1]}]',
  '[{x: a, y: b}]',
  '[{x: {remote: r}}]',
  '[{x: {type: model}}]',
  '[{x: {title: t}}]',
  '{x: y}',
  '{x: }',
  '{x: [a]}',
  '{x: [1, {a: b}]}',
  '{A: 1, B: , C: true}',
  '{a-b: 1}',
  '[A, B=1]',
  '[a-b]',
  '"${x}"',
  '"a ${x}"',
  '["${x}"]',
  '{"${k}": v}',
  '2h',
  '90 s',
  '1h30m',
  '4GB',
  '4 XB',
  '{cpus: 2}',
  '{cpus: 0}',
  '{memory: 4GB, gpus: 0, time: 2h}',
  '{memory: big}',
  '{cpu: 1}',
  'development',
  'prod',
  'bash',
  '"ba sh"',
  'load',
  'lod',
  '"a\\nb"',
]
const keys = [
  'cmd',
  'uses',
  'with',
  'wdir',
  'deps',
  'params',
  'outs',
  'metrics',
  'plots',
  'env',
  'desc',
  'meta',
  'frozen',
  'always_changed',
  'vars',
  'only',
  'retry',
  'timeout',
  'resources',
  'shell',
  'matrix',
  'foreach',
  'do',
  'live',
  'unknown',
]

t.test('decoder and schema accept the same', async t => {
  let good = 0
  const texts = [
    '',
    'stages:\n',
    'stages: {}\n',
    'stages: []\n',
    'stages: {a b: {cmd: go}}\n',
    'stages: {a: }\n',
    'stages: {a: {cmd: go}, b: {uses: load, with: {a: 1}}}\n',
    'stage: {}\n',
    'stages: {a: {foreach: [1], do: {cmd: go}}}\n',
    'stages: {a: {foreach: {x: 1}, do: {cmd: go, deps: [x]}}}\n',
    'stages: {a: {foreach: "${x}", do: {cmd: go, matrix: {a: [1]}}}}\n',
    'stages: {a: {do: {cmd: go}}}\n',
    'stages: {a: {foreach: [1], do: {cmd: go}, deps: [x]}}\n',
    'stages: {a: {foreach: x, do: {cmd: go}}}\n',
    'stages: {a: {foreach: [1], do: }}\n',
    'stages: "${x}"\n',
    'stages: {a: "${x}"}\n',
    'stages: {a: {foreach: [1], do: "${x}"}}\n',
    'stages: {a: {cmd: go, outs: [{x: "${o}"}]}}\n',
    'vars: "${x}"\n',
    ...keys.flatMap(key =>
      values.map(
        value => `stages:\n  a:\n    ${key === 'cmd' || key === 'uses' ? '' : 'cmd: go\n    '}${key}: ${value}\n`,
      ),
    ),
    ...stepNames.flatMap(step => {
      const { fields, required = [] } = describeStep(step).shape
      const rest = (key: string): string => required.map(name => (name === key ? '' : `${name}: x, `)).join('')
      return Object.keys(fields).flatMap(key => [
        `stages: {a: {uses: ${step}, with: {${key}: x}}}\n`,
        ...values.map(value => `stages: {a: {uses: ${step}, with: {${rest(key)}${key}: ${value}}}}\n`),
        ...values.map(
          value =>
            `stages: {a: {uses: ${step}, with: {${rest(key)}${key === 'table' ? '' : 'table: t, '}${key}: ${value}}}}\n`,
        ),
      ])
    }),
    ...['vars', 'params', 'metrics', 'plots', 'artifacts', 'datasets'].flatMap(key =>
      values.map(value => `${key}: ${value}\n`),
    ),
  ]
  // That no value of `vars` has a template is for the decoder alone to say.
  for (const text of texts.filter(text => !/vars: .*\{.*\$\{/.test(text))) {
    const read = isRead(text)
    if (read) good++
    if (validate(toJson(parseLocatedYaml(text, 'f'))) !== read)
      t.fail(`${read ? 'read, but not by the schema' : 'by the schema alone'}: ${text}`)
  }
  t.ok(good > 250 && texts.length - good > 700, `${good} of ${texts.length} are good`)
})

t.test('ddv schema prints it', async t => {
  const { stdout, code } = await ddv({ cwd: '/' }, 'schema')
  t.equal(code, 0)
  t.same(JSON.parse(stdout), pipelineJsonSchema())
  t.match(JSON.parse(stdout), { $schema: 'https://json-schema.org/draft/2020-12/schema' })
})
