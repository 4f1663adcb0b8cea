import t from 'tap'
import { setStageInText } from '../../lib/core/edit-pipeline.js'
import { isDdvError } from '../../lib/core/errors.js'
import type { JsonRecord } from '../../lib/core/json.js'

const edit = (text: string, name: string, stage: JsonRecord, replace = false) =>
  setStageInText(text, { file: 'ddv.yaml', name, stage, replace })
const stage = { cmd: 'python b.py ${lr}', deps: ['b.py'], outs: ['b.csv', { 'c.csv': { cache: false } }] }
const block = (indent: string): string =>
  `b:\n  cmd: python b.py \${lr}\n  deps:\n    - b.py\n  outs:\n    - b.csv\n    - c.csv:\n        cache: false\n`.replace(
    /^(?=.)/gm,
    indent,
  )

t.test('a stage behind the others; nothing else changes', async t => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['an empty file', '', `stages:\n${block('  ')}`],
    ['a comment alone', '# ours\n', `# ours\nstages:\n${block('  ')}`],
    ['no stages', 'vars: [ {a: 1} ]', `vars: [ {a: 1} ]\nstages:\n${block('  ')}`],
    ['stages without any', 'stages:\nvars: []\n', `stages:\n${block('  ')}vars: []\n`],
    ['an empty map', 'stages: {}  # none\nvars: []\n', `${`stages:\n${block('  ')}`.trimEnd()}  # none\nvars: []\n`],
    ['others', 'stages:\n  a:\n    cmd:   go # here\n', `stages:\n  a:\n    cmd:   go # here\n${block('  ')}`],
    ['no newline at the end', 'stages:\n  a: {cmd: go}', `stages:\n  a: {cmd: go}\n${block('  ')}`],
    [
      'other indent, lists as deep as their keys',
      'stages:\n    a:\n        cmd: go\n        outs:\n        - x\n',
      `stages:\n    a:\n        cmd: go\n        outs:\n        - x\n${block('    ')}`,
    ],
    [
      'keys behind',
      'stages:\n  a:\n    cmd: go\n\n# metrics\nmetrics: [m.json]\n',
      `stages:\n  a:\n    cmd: go\n${block('  ')}\n# metrics\nmetrics: [m.json]\n`,
    ],
    [
      'a block scalar last',
      'stages:\n  a:\n    cmd: |\n      one\n      two\n\n\nvars: []\n',
      `stages:\n  a:\n    cmd: |\n      one\n      two\n${block('  ')}\n\nvars: []\n`,
    ],
    [
      'a template in a flow list',
      'stages:\n  a: {cmd: go, outs: [x/${lr}]}\n',
      `stages:\n  a: {cmd: go, outs: [x/\${lr}]}\n${block('  ')}`,
    ],
    ['CRLF', 'stages:\r\n  a: {cmd: go}\r\n', `stages:\r\n  a: {cmd: go}\r\n${block('  ').replaceAll('\n', '\r\n')}`],
  ]
  for (const [name, text, expected] of cases) t.equal(edit(text, 'b', stage), expected, name)
})

t.test('a stage in the place of its namesake', async t => {
  const text =
    '# top\nstages:\n  # of a\n  a:\n    cmd: go\n  # of b\n  b:\n    cmd: old # goes\n    deps: [x]\n\n  # of c\n  c: {cmd: go}\n'
  t.equal(
    edit(text, 'b', stage, true),
    `# top\nstages:\n  # of a\n  a:\n    cmd: go\n  # of b\n${block('  ')}\n  # of c\n  c: {cmd: go}\n`,
  )
})

t.test('refused', async t => {
  const code = (text: string, name = 'b', replace = false): string => {
    try {
      return edit(text, name, stage, replace)
    } catch (error) {
      return isDdvError(error) ? `${error.code}: ${error.message}` : String(error)
    }
  }
  t.equal(code('stages:\n  b: {cmd: go}\n'), "refused: there is a stage 'b' already: ddv.yaml")
  t.match(code('stages: {a: {cmd: go}}\n'), /^refused: file is written in a way that leaves no place/)
  t.match(code('{}\n'), /^refused/)
  t.match(code('a: *x\n'), /^bad-config: /)
  t.equal(code('', 'a@b'), 'usage: no name for a stage: a@b')
})
