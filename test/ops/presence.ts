import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import t from 'tap'
import type { TreePath } from '../../lib/core/tree-path.js'
import { absentBlobs, blobsOf, findAbsent, unsavedBlobs } from '../../lib/ops/presence.js'
import { findPointer } from '../../lib/workspace/pointers.js'
import { digestOf, makeWorkspace, setAside } from '../support/workspace.js'

const blob = (content: string) => ({ digest: digestOf(content), size: content.length })

t.test('a blob is there in its size, or it is absent', async t => {
  const contents = Array.from({ length: 8 }, (_, i) => `content ${i}`)
  const w = await makeWorkspace(t, { files: Object.fromEntries(contents.map((c, i) => [`d/${i}`, c])) })
  await w.add('d')
  const project = await w.project()
  const blobs = contents.map(blob)
  t.same(await absentBlobs([], project), [])
  t.same(await absentBlobs(blobs, project), [])
  rmSync(w.blob(digestOf('content 1')))
  truncateSync(w.blob(digestOf('content 3')), 4)
  rmSync(w.blob(digestOf('content 5')))
  mkdirSync(w.blob(digestOf('content 5')))
  w.corrupt(digestOf('content 6'))
  const absent = [1, 3, 5].map(i => blob(`content ${i}`))
  t.same(await absentBlobs(blobs, project), absent)
  t.same(
    await unsavedBlobs(project, blobs, {}),
    [1, 3, 5, 6].map(i => blob(`content ${i}`)),
    'asked for sure, its bytes count',
  )
  t.equal(setAside(w.root).length, 1)
})

t.test('the presence of many, once checked, holds until something is added or removed', async t => {
  const files = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`d/${i}`, `${i}`]))
  const w = await makeWorkspace(t, { files: { ...files, 'd/a': 'aaaa', x: 'xxxx', y: 'yyyy' } })
  await w.add(['d', 'x'])
  const project = await w.project()
  const { cache, pool } = project
  const pointer = findPointer(w.root, 'd' as TreePath)
  if (pointer === undefined) throw new Error('no pointer')
  let listed = 0
  const list = () => {
    listed++
    return blobsOf(project, 'd' as TreePath, pointer)
  }
  const find = () =>
    findAbsent(pointer, list, {
      cache,
      pool,
      index: project.index(),
    })
  await new Promise(resolve => setTimeout(resolve, 20))
  t.same(await find(), [])
  listed = 0
  for (let i = 0; i < 3; i++) t.same(await find(), [])
  t.equal(listed, 0, 'a look at the shards is enough')
  rmSync(w.blob(digestOf('aaaa')))
  t.match(await find(), [blob('aaaa')])
  t.match(await find(), [blob('aaaa')], 'what is absent is looked for each time')
  writeFileSync(w.blob(digestOf('aaaa')), 'aaaa')
  t.same(await find(), [])
})

t.test('what an output needs', async t => {
  const w = await makeWorkspace(t, { files: { 'd/a': 'same', 'd/b': 'same', 'd/e/': '', x: '1' } })
  await w.add(['d', 'x'])
  const project = await w.project()
  const list = (output: string) => {
    const pointer = findPointer(w.root, output as TreePath)
    return pointer === undefined ? [] : blobsOf(project, output as TreePath, pointer).map(({ digest }) => digest)
  }
  t.same(list('x'), [digestOf('1')])
  t.same(list('d'), [w.pointer('d').hash, digestOf('same')], 'each once, the manifest too')
})
