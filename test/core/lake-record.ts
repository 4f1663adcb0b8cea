import t from 'tap'
import type { Digest } from '../../lib/core/digest.js'
import { decodeLakeRecord, encodeLakeRecord, type LakeRecord } from '../../lib/core/lake-record.js'
import type { TreePath } from '../../lib/core/tree-path.js'

const output = 'raw/set' as TreePath
const digest = (digit: string) => digit.repeat(64) as Digest
const path = (text: string) => text as TreePath | ''

const record: LakeRecord = {
  files: new Map([
    [path('b/c'), { digest: digest('b'), size: 2, version: 'x-1' }],
    [path('a "quoted"\n'), { digest: digest('a'), size: 0, version: '"' }],
  ]),
  coming: new Map([[path(''), { digest: digest('c'), size: 3 }]]),
}

t.test('there and back, in one order', async t => {
  const text = encodeLakeRecord(output, record)
  t.same(decodeLakeRecord(text, output), record)
  t.equal(
    text,
    `["ddv-lake",1,"raw/set"]
["f","a \\"quoted\\"\\n","${digest('a')}",0,"\\""]
["f","b/c","${digest('b')}",2,"x-1"]
["c","","${digest('c')}",3]
`,
  )
  const empty = { files: new Map(), coming: new Map() }
  t.same(decodeLakeRecord(encodeLakeRecord(output, empty), output), empty)
})

t.test('what is not whole, or not of this output, is not believed', async t => {
  const head = '["ddv-lake",1,"raw/set"]\n'
  const row = (...cells: readonly unknown[]): string => `${head}${JSON.stringify(cells)}\n`
  const bad = [
    '',
    '\n',
    head.trimEnd(),
    '["ddv-lake",1,"raw/other"]\n',
    '["ddv-lake",0,"raw/set"]\n',
    '["other",1,"raw/set"]\n',
    '{}\n',
    `${head}\n`,
    `${head}{}\n`,
    `${head}["f"`,
    row('f', '../x', digest('a'), 1, 'v'),
    row('f', '/x', digest('a'), 1, 'v'),
    row('f', '.git/x', digest('a'), 1, 'v'),
    row('f', 5, digest('a'), 1, 'v'),
    row('f', 'x', 'nothing', 1, 'v'),
    row('f', 'x', digest('a'), -1, 'v'),
    row('f', 'x', digest('a'), '1', 'v'),
    row('f', 'x', digest('a'), 1),
    row('f', 'x', digest('a'), 1, 5),
    row('f', 'x', digest('a'), 1, 'v', 'more'),
    row('c', 'x', digest('a'), 1, 'v'),
    row('g', 'x', digest('a'), 1),
    row(),
  ]
  for (const text of bad) t.throws(() => decodeLakeRecord(text, output), { code: 'corrupt' }, JSON.stringify(text))
  t.throws(() => decodeLakeRecord('["ddv-lake",2,"raw/set"]\n', output), { code: 'newer-format' })
})
