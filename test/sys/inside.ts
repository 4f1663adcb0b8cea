import { existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseTreePath } from '../../lib/core/tree-path.js'
import { openInside } from '../../lib/sys/inside.js'

const path = parseTreePath('a/b/c.csv')

t.test('paths below the root', async t => {
  const root = t.testdir({ a: {} })
  const inside = openInside(root)
  t.equal(inside.root, root)
  t.equal(inside.path(path), join(root, 'a/b/c.csv'))
  t.notOk(existsSync(join(root, 'a/b')), 'nothing is made')
  t.equal(inside.pathWithParents(path), join(root, 'a/b/c.csv'))
  t.ok(lstatSync(join(root, 'a/b')).isDirectory())
  t.equal(inside.pathWithParents(path), join(root, 'a/b/c.csv'), 'and once more')
  t.equal(inside.pathWithParents(parseTreePath('top')), join(root, 'top'))
})

t.test('a path that was missing is made later', async t => {
  const root = t.testdir()
  const inside = openInside(root)
  inside.path(path)
  inside.pathWithParents(path)
  t.ok(existsSync(join(root, 'a/b')))
})

t.test('a symbolic link among the parents is refused, wherever it leads', async t => {
  for (const target of ['../outside', '/', 'real', '.', 'nowhere', 'link'])
    for (const deep of [false, true]) {
      const base = t.testdir({ outside: {}, root: { real: {}, deep: {} } })
      const root = join(base, 'root')
      const link = deep ? 'deep/link' : 'link'
      symlinkSync(target, join(root, link))
      const inside = openInside(root)
      for (const below of ['x', 'y/z'])
        for (const get of [inside.path, inside.pathWithParents])
          t.throws(
            () => get(parseTreePath(`${link}/${below}`)),
            {
              code: 'bad-path',
              message: new RegExp(`symbolic link.*: ${link}$`),
              hint: /move it away/,
            },
            `${link} → ${target}`,
          )
      t.same(readdirSync(join(base, 'outside')), [], 'nothing was made through it')
    }
})

t.test('a link that took the place of nothing is seen', async t => {
  const root = t.testdir()
  const inside = openInside(root)
  inside.path(path)
  symlinkSync('/tmp', join(root, 'a'))
  t.throws(() => inside.pathWithParents(path), { code: 'bad-path' })
})

t.test('a file among the parents is refused', async t => {
  const root = t.testdir({ a: 'a file' })
  const inside = openInside(root)
  t.throws(() => inside.path(path), { code: 'bad-path', message: /a file is: a$/ })
  t.throws(() => inside.pathWithParents(path), { code: 'bad-path' })
})

t.test('the root itself may be reached through a link; the last part is not looked at', async t => {
  const base = t.testdir({ real: {} })
  symlinkSync('real', join(base, 'root'))
  const inside = openInside(join(base, 'root'))
  t.equal(inside.pathWithParents(path), join(base, 'root/a/b/c.csv'))
  t.ok(existsSync(join(base, 'real/a/b')))
  mkdirSync(join(base, 'real/d'))
  symlinkSync('/etc/passwd', join(base, 'real/d/link'))
  t.equal(inside.path(parseTreePath('d/link')), join(base, 'root/d/link'))
})
