import { readFileSync } from 'node:fs'
import t from 'tap'
import type { Event } from '../../lib/core/events.js'
import { digestOf, makeWorkspace } from '../support/workspace.js'

t.test('after a checkout nothing has to be read', async t => {
  const w = await makeWorkspace(t, { files: { x: '1', 'd/a': '2', 'd/s/b': '3', 'd/e/': '' } })
  await w.add(['x', 'd'])
  await w.close()
  w.remove('.ddv/state', 'x', 'd')
  await w.checkout()
  // Bytes that nobody reads may be wrong: with their stat unchanged, a status that read them would tell.
  let read = 0
  const onEvent = (event: Event): void => {
    if (event.type === 'done' && event.phase === 'hash') read += event.files
  }
  t.match((await w.add(['x', 'd'], { onEvent })).outputs, [{ changed: false }, { changed: false }])
  t.equal(read, 0)
  t.ok((await w.status()).clean)
})

t.test('what it did not write itself it does not claim', async t => {
  const w = await makeWorkspace(t, { files: { 'd/a': 'aaaa', 'd/b': 'bbbb', x: 'xxxx' } })
  await w.add(['d', 'x'])
  w.remove('d/a')
  w.write({ 'd/b': 'changed' })
  await w.checkout('d/a')
  t.match(await w.look('d'), { workspace: 'modified', changes: [{ path: 'b' }] })

  // Written over in the very moment of the checkout, in the same size.
  w.remove('x')
  await w.checkout('x', {
    onEvent: event => {
      if (event.type === 'done' && event.phase === 'write') setImmediate(() => w.has('x') && w.write({ x: 'XXXX' }))
    },
  })
  w.write({ x: 'YYYY' })
  t.match(await w.look('x'), { workspace: 'modified' })
  t.equal(readFileSync(w.blob(digestOf('xxxx')), 'utf8'), 'xxxx')
})

t.test('an edit right after a checkout is seen, however quick', async t => {
  const w = await makeWorkspace(t, { files: { x: '0000' }, inMemory: true })
  await w.add('x')
  for (let i = 1; i < 40; i++) {
    w.remove('x')
    await w.checkout('x')
    w.write({ x: String(i).padStart(4, '0') })
    if ((await w.look('x')).workspace !== 'modified') t.fail(`edit ${i} was missed`)
  }
})
