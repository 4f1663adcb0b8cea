import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import t from 'tap'
import { isStaging, removeOldStaging, Staging } from '../../lib/sys/staging.js'

t.test('files are gathered by the directory that they go to', t => {
  const parent = t.testdir()
  const staging = new Staging(parent)
  staging.remove()
  t.same(readdirSync(parent), [], 'nothing is made before it is needed')
  const [a, b, c] = ['/x/y/a', '/x/y/b', '/x/z/a'].map(goal => staging.path(goal)) as [string, string, string]
  t.equal(dirname(a), dirname(b))
  t.not(dirname(a), dirname(c))
  t.same(
    [a, b, c].map(path => basename(path)),
    ['a', 'b', 'a'],
  )
  t.equal(staging.path('/x/y/a'), a)
  for (const path of [a, b, c]) writeFileSync(path, '')
  t.ok(readdirSync(parent).every(isStaging))
  staging.remove()
  t.same(readdirSync(parent), [])
  t.not(staging.path('/x/y/a'), a, 'used again it is another place')
  t.end()
})

t.test('of what a crash left only the old goes, and never through a link', t => {
  const parent = t.testdir({ victim: { precious: 'precious' } })
  const staging = new Staging(parent)
  const [old, young, other] = ['/x/old', '/x/young', '/y/old'].map(goal => staging.path(goal)) as [
    string,
    string,
    string,
  ]
  for (const path of [old, young, other]) writeFileSync(path, '')
  const root = dirname(dirname(old))
  symlinkSync(join(parent, 'victim'), join(root, 'link'))
  mkdirSync(join(root, 'used'))
  for (const path of [old, other, join(parent, 'victim', 'precious'), dirname(old), dirname(other), root])
    utimesSync(path, 1, 1)
  removeOldStaging(root, 2000)
  t.notOk(existsSync(old))
  t.ok(existsSync(young))
  t.notOk(existsSync(dirname(other)), 'an old directory goes with the last of its files')
  t.ok(existsSync(join(root, 'used')), 'a young one stays')
  t.equal(readFileSync(join(parent, 'victim', 'precious'), 'utf8'), 'precious')
  t.end()
})
