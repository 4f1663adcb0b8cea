import assert from 'node:assert'
import fc from 'fast-check'
import t from 'tap'
import { isDdvError } from '../../lib/core/errors.js'
import { type LocatedNode, toJson } from '../../lib/core/located.js'
import { parsePlainYaml } from '../../lib/core/plain-yaml.js'
import { parseLocatedYaml, parseWholeYaml } from '../../lib/core/yaml-located.js'

const plain = (text: string) => parsePlainYaml(text, 32)

/** Every key and value with its place, one a line. */
function places(node: LocatedNode, path = ''): string[] {
  const here = `${path || '.'} ${node.line}:${node.column}`
  if (node.kind === 'scalar') return [`${here} ${JSON.stringify(node.value)}`]
  if (node.kind === 'list') return [here, ...node.items.flatMap((item, i) => places(item, `${path}[${i}]`))]
  return [
    here,
    ...node.entries.flatMap(entry => [
      `${path}.${entry.key} at ${entry.line}:${entry.column}`,
      ...places(entry.value, `${path}.${entry.key}`),
    ]),
  ]
}

const written = `# a comment
vars: [params.yaml, {a: 1, b: "x y"}]   # behind

stages:
  prepare:
    cmd: python prepare.py --n 3 'in quotes' # behind
    deps:
    - data/raw.csv
    - 'it is'
    outs:
      - data/out:
          cache: false
          desc: a text
      -   models/\${key}
  empty:
  train: { cmd: go, deps: [a, b/\${item.x}.csv] }
`

t.test('places of everything, by both readers', async t => {
  const node = plain(written)
  if (node === undefined) throw new Error('left to yaml')
  t.same(places(node), places(parseWholeYaml(written, 'ddv.yaml')))
  t.ok(places(node).includes('.vars[1].b at 2:28'))
  t.ok(places(node).includes('.stages.prepare.outs[0].data/out.cache 12:18 false'))
  t.ok(places(node).includes('.stages.empty 15:3 null'), 'what is not written is where its key is')
  t.ok(places(node).includes('.stages.train.deps[1] 16:31 "b/${item.x}.csv"'))
  t.same(places(parseLocatedYaml(written.replaceAll('\n', '\r\n'), 'x')), places(node), 'CRLF')
})

const lines = [
  'a:',
  'b: 1',
  '  c: x',
  '  - x',
  '- x',
  '    d:',
  '  - a: b',
  '    e: -3',
  '  - - x',
  '   bad: 1',
  '# c',
  '  # c',
  '',
  '  k: "q" # c',
  "  k2: 'q'",
  "  k3: 'it''s'",
  '  k4: "a\\n"',
  '  f: [a, b]',
  '  g: {a: 1, b: [x, "y"]}',
  '  h: [a,',
  '  i: |',
  '    text',
  '  j: >-',
  '  l: &x y',
  '  m: *x',
  '  n: !!str 3',
  '  o: a: b',
  '  p: a #b',
  '  q: a#b',
  '  r: 0x1f',
  '  s: 1e3',
  '  t: 1.50',
  '  u: .5',
  '  v: -',
  '  w: ~',
  '  x: yes',
  '  y: True',
  '  z: null',
  '  ? a',
  '  aa: ${b}',
  '  bb: [${b[0]}]',
  '  cc: {${b}: x}',
  '  dd: x:y',
  '  ee: ://',
  '  ff: "a" b',
  '  gg: [ ]',
  '  hh: {}',
  '  ii: [a b , c]',
  '  jj: [a: b]',
  '---',
  '...',
  '  kk: -x',
  '  ll: [-x, - x]',
  '  mm: +1',
  '  nn: 012',
  '  oo: 1_0',
  '  pp: 2024-01-01',
  '  qq: 12:30',
  '  null: x',
  '  true: x',
  '  rr: % x',
  '  ss: @x',
  '  tt: (a)',
  '  uu: \\x',
  '  vv: a ',
  '\ttab: x',
  '  ww: x\ty',
  '  <<: x',
  '  xx: ;',
  '  yy: ^',
  '  z1: --- x',
  '  z2: é',
  '  z3: \u2028',
  '  z4: /a/b',
  '  a/b: x',
  '  $c: x',
  '  ${d}: x',
  '  z5: "x"y',
  '  z6: "x" #',
  "  z7: 'x'#",
  '  z8: [x] #c',
  '  z9: [x] y',
  '  y1: {a: }',
  '  y2: {a}',
  '  y3: {a: b,}',
  '  y4: [,]',
  '  y5: [a,,b]',
  '  y6: [a,]',
  '  y7: [x #c]',
  '  y8: a: ',
  '  y9:b',
] as const

t.test('what the fast reader reads, yaml reads alike', async t => {
  let read = 0
  const line = fc.oneof(
    fc.constantFrom(...lines),
    fc
      .tuple(fc.constantFrom('', '  ', '    ', '      '), fc.constantFrom(...lines))
      .map(([indent, text]) => indent + text.trimStart()),
    fc
      .tuple(
        fc.constantFrom('k: ', '- ', '  v: ', '  - k: '),
        fc.string({ maxLength: 6, unit: fc.constantFrom(...'ab1-.:,#[]{}"\'$ ~?!&*|>%@`=+e0') }),
      )
      .map(parts => parts.join('')),
  )
  fc.assert(
    fc.property(fc.array(line, { maxLength: 3 }), chosen => {
      const text = chosen.join('\n')
      const fast = plain(text)
      if (fast === undefined || text === '') return
      read++
      assert.deepStrictEqual(places(fast), places(parseWholeYaml(text, 'f')), JSON.stringify(text))
    }),
    { numRuns: 6000 },
  )
  t.ok(read > 100, `${read} texts`)
})

t.test('trees of JSON, written as people do', async t => {
  const word = fc.stringMatching(/^[a-z][a-z0-9_]{0,6}$/)
  const { tree } = fc.letrec<{ tree: unknown }>(tie => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.oneof(
        word,
        fc.nat(9999),
        fc.boolean(),
        fc.constantFrom('data/x.csv', '${a.b}', 'two words', '0.5', 'a: b', '#x', '', null),
      ),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(word, tie('tree'), { maxKeys: 4 }),
    ),
  }))
  const { stringify } = await import('yaml')
  fc.assert(
    fc.property(fc.dictionary(word, tree, { maxKeys: 4 }), fc.boolean(), (value, indentSeq) => {
      const text = stringify(value, { indentSeq })
      const node = parseLocatedYaml(text, 'f')
      assert.deepStrictEqual(toJson(node), JSON.parse(JSON.stringify(value)))
      assert.deepStrictEqual(places(node), places(parseWholeYaml(text, 'f')))
    }),
    { numRuns: 300 },
  )
  t.pass('both read them alike')
})

const bad: readonly (readonly [string, string, string])[] = [
  ['an alias', 'a: &x 1\nb:\n  - *x\n', "alias '*x' is not allowed: d/ddv.yaml:3:5"],
  ['a merge key', 'a: &x {c: 1}\nb:\n  <<: *x\n', "alias '*x' is not allowed: d/ddv.yaml:3:7"],
  ['a key twice', 'stages:\n  a: 1\n  a: 2\n', "key 'a' is there twice: d/ddv.yaml:3:3"],
  ['a key twice, in flow style', 'a: {b: 1, "b": 2}\n', "key 'b' is there twice: d/ddv.yaml:1:11"],
  ['__proto__', '"__proto__": 1\n', "key '__proto__' is not allowed: d/ddv.yaml:1:1"],
  ['no map', '- a\n', 'file is no map of keys: d/ddv.yaml:1:1'],
  ['a text', 'a\n', 'file is no map of keys: d/ddv.yaml:1:1'],
  ['no YAML', 'a: [b\nc: d\n', ': d/ddv.yaml:2:'],
  ['a tab', 'a:\n\tb: 1\n', ': d/ddv.yaml:2:'],
  ['a tag', 'a: !x b\n', ': d/ddv.yaml:1:4'],
  ['two documents', 'a: 1\n---\nb: 1\n', ': d/ddv.yaml:2:1'],
  ['not a number', 'a: .nan\n', 'value is of no type that JSON has: d/ddv.yaml:1:4'],
  ['a key that is a map', '? {a: 1}\n: 2\n', 'key is no text: d/ddv.yaml:1:3'],
  [
    'merge markers',
    'a: 1\n<<<<<<< ours\nb: 1\n=======\nb: 2\n>>>>>>> theirs\n',
    'file holds merge markers: d/ddv.yaml',
  ],
  ['too deep', `a: ${'['.repeat(40)}${']'.repeat(40)}\n`, 'file is nested deeper than 32: d/ddv.yaml:1:35'],
  ['very deep', `a: ${'['.repeat(20_000)}`, 'd/ddv.yaml:1:'],
  ['too large', `a: ${'x'.repeat(1_048_576)}`, 'file is larger than 1048576 bytes: d/ddv.yaml'],
]

for (const [name, text, message] of bad)
  t.test(`refused: ${name}`, async t => {
    try {
      parseLocatedYaml(text, 'd/ddv.yaml')
      t.fail('was read')
    } catch (error) {
      t.ok(isDdvError(error, 'bad-config'), String(error))
      t.ok((error as Error).message.includes(message), (error as Error).message)
    }
  })

t.test('numbers as keys are texts', async t =>
  t.same(toJson(parseLocatedYaml('a: {2024: x, 1.5: y}\n', 'f')), { a: { 2024: 'x', 1.5: 'y' } }),
)

t.test('a thousand stages take a moment', async t => {
  const stages = Array.from(
    { length: 1000 },
    (_, i) =>
      `  s${i}:\n    cmd: python train.py --n ${i}\n    deps: [train.py, data/d${i}.csv]\n    outs:\n      - models/m${i}\n    desc: "the ${i}th"\n`,
  )
  const text = `stages:\n${stages.join('')}`
  t.ok(plain(text), 'the fast reader reads it')
  const start = performance.now()
  parseLocatedYaml(text, 'f')
  const took = performance.now() - start
  t.comment(`${Math.round(took)} ms`)
  t.ok(took < 1000)
})
