import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Rename, renameWhole } from '../../lib/sys/whole-directories.js'

/** Files in `from`, which are to be in the empty directory `to`. */
function prepare(t: Test, names: readonly string[]): { from: string; to: string; renames: Rename[] } {
  const root = t.testdir({ from: Object.fromEntries(names.map(name => [name, name])), to: {} })
  const [from, to] = [join(root, 'from'), join(root, 'to')]
  return { from, to, renames: names.map(name => ({ from: join(from, name), to: join(to, name) })) }
}

const names = ['a', 'b', 'c', 'd', 'e']

t.test('a fresh directory gives way to one with all that is to be in it', t => {
  const { from, to, renames } = prepare(t, names)
  const inode = lstatSync(from).ino
  t.same(renameWhole(renames, new Set([to])), [])
  t.equal(lstatSync(to).ino, inode)
  t.same(readdirSync(to).sort(), names)
  t.notOk(existsSync(from))
  t.end()
})

t.test('otherwise everything is left to be renamed one by one', t => {
  type Prepared = ReturnType<typeof prepare>
  const cases: Readonly<Record<string, (prepared: Prepared) => ReadonlySet<string>>> = {
    'a directory that is not fresh': () => new Set(),
    'something came into the fresh directory': ({ to }) => {
      writeFileSync(join(to, 'newcomer'), 'precious')
      return new Set([to])
    },
    'something else is beside the files': ({ from, to }) => {
      mkdirSync(join(from, 'other'))
      return new Set([to])
    },
    'the fresh directory has another mode': ({ to }) => {
      chmodSync(to, 0o2775)
      return new Set([to])
    },
    'a file gets another name': ({ to, renames }) => {
      renames[2] = { from: renames[2]?.from as string, to: join(to, 'other') }
      return new Set([to])
    },
    'a file is gone and another one there': ({ from, to, renames }) => {
      renames[2] = { from: join(from, 'gone'), to: join(to, 'gone') }
      return new Set([to])
    },
    'few files': ({ to, renames }) => {
      renames.splice(2)
      return new Set([to])
    },
    'files of two places': ({ to, renames }) => {
      renames[0] = { from: `${renames[0]?.from}x/a`, to: renames[0]?.to as string }
      return new Set([to])
    },
  }
  for (const [name, change] of Object.entries(cases))
    t.test(name, t => {
      const prepared = prepare(t, names)
      const fresh = change(prepared)
      const before = readdirSync(prepared.to)
      const left = renameWhole(prepared.renames, fresh)
      t.same(new Set(left), new Set(prepared.renames))
      t.same(readdirSync(prepared.to), before, 'nothing of it was touched')
      t.end()
    })
  t.end()
})
