import { existsSync, readdirSync } from 'node:fs'
import t from 'tap'
import { git } from '../support/git.js'
import { noise } from '../support/transfer.js'
import { digestOf, makeWorkspace, openWorkspace, setAside } from '../support/workspace.js'

t.test('files of now and of before, from the cache', async t => {
  const w = await makeWorkspace(t, { files: { x: 'one', 'd/a': 'aa', 'd/none': '', 'odd:name': 'odd' } })
  await w.add(['x', 'd', 'odd:name'])
  w.commit()
  w.write({ x: 'two' })
  await w.add('x')
  w.remove('x', 'd')
  for (const [file, text] of Object.entries({
    x: 'two',
    'HEAD:x': 'one',
    'HEAD:d/a': 'aa',
    'd/none': '',
    'odd:name': 'odd',
    'HEAD:odd:name': 'odd',
  }))
    t.match(await w.ddv('cat', file), { code: 0, stdout: text, stderr: '' }, file)
  for (const file of ['d', 'HEAD:d', 'HEAD:nope', 'd/nope', 'nowhere:x', '.'])
    t.match(await w.ddv('cat', file), { code: 2, stdout: '' }, file)
  t.match(JSON.parse((await w.ddv('cat', 'HEAD:x', '--json')).stdout), {
    path: 'x',
    size: 3,
    hash: digestOf('one'),
    filepath: /^\.cache\/..\/.{62}$/,
  })
})

t.test('a blob that rotted is never given out', async t => {
  const w = await makeWorkspace(t, { files: { x: 'one two three' } })
  await w.add('x')
  w.commit()
  w.corrupt(digestOf('one two three'))
  t.match(await w.ddv('cat', 'x'), { code: 13, stdout: '' })
  t.equal(setAside(w.root).length, 1)
  t.match(await w.ddv('cat', 'x'), { code: 12, stdout: '', stderr: /not in the cache, and no remote/ })
})

t.test('one file of a large output is fetched alone', async t => {
  const files = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`d/${i}`, noise(1_000_000, i + 1)]))
  const w = await makeWorkspace(t, { files })
  await w.ddv('remote', 'add', 'origin', '../remote', '--default')
  await w.add('d')
  w.git('add', '-A')
  w.commit()
  await w.push()
  const root = w.path('../clone')
  git(w.root, 'clone', '-q', w.root, root)
  const clone = openWorkspace(t, root)
  const { stdout, code } = await clone.ddv('cat', 'HEAD:d/7')
  t.equal(code, 0)
  t.ok(Buffer.from(stdout, 'latin1').equals(files['d/7'] as Buffer))
  const blobs = readdirSync(clone.path('.cache')).filter(name => name.length === 2)
  t.equal(blobs.length, 2, 'that file and the manifest')
  clone.corrupt(digestOf(files['d/7'] as Buffer))
  const again = await clone.ddv('cat', 'd/7')
  t.match(again, { code: 0, stderr: /damaged in the cache, fetched again/ })
  t.ok(Buffer.from(again.stdout, 'latin1').equals(files['d/7'] as Buffer))
  t.notOk(existsSync(clone.path('d')))
})
