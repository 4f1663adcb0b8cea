import t from 'tap'
import { dagDot, dagMermaid, dagTree } from '../../lib/core/dag-views.js'

const diamond = [
  { name: 'prepare', needs: [] },
  { name: 'train@a', needs: ['prepare'] },
  { name: 'train@b', needs: ['prepare'] },
  { name: 'report', needs: ['train@a', 'train@b'] },
  { name: 'publish', needs: ['report'] },
  { name: 'alone', needs: [] },
]

t.test('a tree: each node is drawn out once', async t => {
  t.equal(
    dagTree(diamond),
    `prepare
├── train@a
│   └── report
│       └── publish
└── train@b
    └── report (see above)
alone
`,
  )
  t.equal(dagTree([]), '')
})

t.test('a long chain is cut into pieces, and none of it is left out', async t => {
  const chain = Array.from({ length: 20_000 }, (_, i) => ({ name: `s${i}`, needs: i === 0 ? [] : [`s${i - 1}`] }))
  const lines = dagTree(chain).split('\n')
  t.match(lines.slice(49, 53), [/^ {192}└── s49$/, /^ {196}└── s50 \(goes on below\)$/, 's50', '└── s51'])
  for (const name of ['s49', 's50', 's19999'])
    t.ok(
      lines.some(line => line.endsWith(name)),
      name,
    )
  t.ok(lines.every(line => line.length < 250))
})

t.test('Mermaid', async t => {
  t.equal(dagMermaid(diamond.slice(0, 2)), 'flowchart TD\n  s1["prepare"]\n  s2["train@a"]\n  s1 --> s2\n')
  t.match(dagMermaid([{ name: 'a"]b', needs: [] }]), '["a#34;#93;b"]', 'nothing ends the box')
})

t.test('DOT', async t => {
  t.equal(dagDot(diamond.slice(0, 2)), 'digraph ddv {\n  "prepare";\n  "train@a";\n  "prepare" -> "train@a";\n}\n')
  t.match(dagDot([{ name: 'a"b\\', needs: [] }]), '"a\\"b\\\\"')
})
