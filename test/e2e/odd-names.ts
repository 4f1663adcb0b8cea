// Whatever a file may be called: added, committed, cloned, pulled, and the same again.

import { writeFileSync } from 'node:fs'
import t from 'tap'
import { git, gitEnv } from '../support/git.js'
import { ddv, makeWorkspace, openWorkspace } from '../support/workspace.js'

const both = [
  'with space',
  ' leading space',
  'trailing space ',
  'two  trailing  ',
  "it's",
  'say "hi"',
  '`cmd`',
  '$(cmd)',
  '$HOME',
  '-leading',
  '--force',
  '#comment',
  '!not',
  '*',
  'a*b?',
  '[x]',
  '{a,b}',
  '(a|b)',
  '+(a)',
  '~',
  'back\\slash',
  'end\\',
  'semi;colon&and|pipe<>',
  'percent%41',
  'emoji 🦉 é e\u0301',
  '\ue000 private',
  '日本語.csv',
  'x.ddv.csv',
  'CON',
  'name.',
  '.hidden',
  '...',
  '@{1}',
  ':(glob)x',
  ':x',
  'a=b',
  'A',
  'constructor',
  '__proto__',
  'n'.repeat(251),
  'é'.repeat(125),
]

/** Names that an output itself may not have, and that do no harm in a directory. */
const inside = [
  'new\nline',
  'tab\tand\rreturn',
  'bell\u0007 escape\u001b[31m',
  'n'.repeat(255),
  '😀'.repeat(63),
  '.gitignore',
  '.gitattributes',
  'nul\u0001',
]

const contentOf = (name: string): string => `the content of ${JSON.stringify(name)}`

t.test('as outputs', async t => {
  const w = await makeWorkspace(t, { files: Object.fromEntries(both.map(name => [`data/${name}`, contentOf(name)])) })
  await w.ddv('remote', 'add', 'origin', '../remote')
  const { code, stdout, stderr } = await ddv(w.path('data'), ['add', '--json', '--', ...both], w.env)
  t.equal(code, 0, stderr)
  const { outputs } = JSON.parse(stdout) as { outputs: { filename: string; filepath: string; pointer: string }[] }
  t.same(outputs.map(one => one.filename).sort(), [...both].sort())
  for (const { filename, filepath, pointer } of outputs) {
    t.equal(w.read(filepath), contentOf(filename))
    t.ok(w.has(pointer))
  }
  t.notMatch(w.git('status', '--porcelain', '-z'), '??', 'git sees no data')
  w.commit('odd names')
  t.equal(w.git('status', '--porcelain'), '')
  t.equal(
    w
      .git('ls-files', '-z', 'data')
      .split('\0')
      .filter(path => path.endsWith('.ddv')).length,
    both.length,
  )
  t.equal((await w.ddv('push')).code, 0)

  git(w.root, 'clone', '-q', '.', '../clone')
  const clone = openWorkspace(t, w.path('../clone'))
  const pulled = await clone.ddv('pull')
  t.equal(pulled.code, 0, pulled.stderr)
  t.same(clone.tree('data'), w.tree('data'))
  t.equal(clone.git('status', '--porcelain'), '')
  t.equal((await clone.ddv('status', '--exit-code')).code, 0)

  for (const name of both) {
    clone.remove(`data/${name}`)
    const one = await ddv(clone.path('data'), ['checkout', '--', name], clone.env)
    t.equal(one.code, 0, `${name}: ${one.stderr}`)
    t.equal(clone.read(`data/${name}`), contentOf(name), 'each can be named alone')
  }
})

t.test('inside a directory', async t => {
  const names = [...both, ...inside]
  const files = Object.fromEntries(
    names.flatMap((name, i) => [
      [`d/${name}`, contentOf(name)],
      [`d/in ${i}/${name}/deep`, name],
    ]),
  )
  const w = await makeWorkspace(t, { files })
  await w.ddv('remote', 'add', 'origin', '../remote')
  const added = await w.ddv('add', 'd')
  t.equal(added.code, 0, added.stderr)
  w.commit()
  t.equal(w.git('status', '--porcelain'), '')
  t.equal((await w.ddv('push')).code, 0)
  git(w.root, 'clone', '-q', '.', '../clone')
  const clone = openWorkspace(t, w.path('../clone'))
  const pulled = await clone.ddv('pull')
  t.equal(pulled.code, 0, pulled.stderr)
  t.same(clone.tree('d'), w.tree('d'))
  t.equal(clone.git('status', '--porcelain'), '')

  for (const name of names) {
    writeFileSync(clone.path('d', name), 'changed')
    const shown = await ddv(clone.root, ['status', '--json', '--', `d/${name}`], clone.env)
    t.match(JSON.parse(shown.stdout), { outputs: [{ changes: [{ path: name, change: 'modified' }] }] }, name)
  }
  const text = (await ddv(clone.root, ['status', '-v'], clone.env)).stdout
  t.equal(text.split('\n').length, names.length + 3, 'one line a file, whatever it is called')
})

t.test('names that an output may not have say what to do instead', async t => {
  const w = await makeWorkspace(t, { files: { 'd/x': '1' } })
  for (const name of ['new\nline', 'tab\t', 'n'.repeat(252)]) {
    w.write({ [name]: '1' })
    const { code, stderr } = await ddv(w.root, ['add', '--', name], w.env)
    t.equal(code, 2, stderr)
    t.match(stderr, /hint: track the directory that holds it instead/)
  }
})

t.test('a workspace in a directory of an odd name', async t => {
  const root = `${t.testdir()}/it's a "dir" [x] * é`
  const w = await makeWorkspace(t, { root, files: { 'a b/x': '1', y: '2' } })
  t.equal((await w.ddv('add', 'a b/*', 'y')).code, 0)
  t.equal(w.git('status', '--porcelain').match(/\?\?/), null)
  t.equal((await ddv(w.path('a b'), ['status', '--exit-code', 'x'], gitEnv)).code, 0)
})
