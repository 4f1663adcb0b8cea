import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { canReflink, fileSystemOf } from '../../lib/sys/file-system.js'

t.test('what a file system is', async t => {
  const { free, filesLeft } = fileSystemOf(t.testdir())
  t.ok(free > 0)
  t.ok(filesLeft === undefined || filesLeft > 0)
  t.throws(() => fileSystemOf(join(t.testdir(), 'absent')), { code: 'ENOENT' })
  if (process.platform === 'linux') t.match(fileSystemOf('/dev/shm'), { name: 'tmpfs', network: false })
})

t.test('the probe leaves nothing behind', async t => {
  const root = t.testdir()
  const [a, b] = [join(root, 'a'), join(root, 'b')]
  for (const directory of [a, b]) mkdirSync(directory)
  t.type(canReflink(a, b), 'boolean')
  t.same([readdirSync(a), readdirSync(b)], [[], []])
  t.throws(() => canReflink(a, join(root, 'c')), { code: 'ENOENT' })
})
