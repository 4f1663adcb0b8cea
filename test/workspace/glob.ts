import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { expandGlob, globMatcher, isGlob } from '../../lib/workspace/glob.js'

t.test('what a glob reads as more than itself', async t => {
  for (const text of ['*', 'a?', '[ab]', '{a,b}', '!x', 'd/**/x']) t.ok(isGlob(text), text)
  for (const text of ['a', 'data/x.csv', 'a b', '-x', '~', '']) t.notOk(isGlob(text), text)
})

t.test('files and directories, sorted; never those of git and ddv', async t => {
  const cwd = t.testdir({
    'b.csv': '',
    'a.csv': '',
    d: { 'c.csv': '', e: { 'f.csv': '' } },
    '.git': { 'g.csv': '' },
    '.ddv': { 'h.csv': '' },
    '.cache': { 'i.csv': '' },
  })
  symlinkSync('d', join(cwd, 'link'))
  const found = (pattern: string): string[] => expandGlob(pattern, cwd).map(path => path.slice(cwd.length + 1))
  t.same(found('*.csv'), ['a.csv', 'b.csv'])
  t.same(found('**/*.csv'), ['a.csv', 'b.csv', 'd/c.csv', 'd/e/f.csv'])
  t.same(found('d/*'), ['d/c.csv', 'd/e'])
  t.same(found('.*/*.csv'), [])
  t.same(found('{b,a}.csv'), ['a.csv', 'b.csv'])
  t.same(found('none*'), [])
})

t.test('a path that need not be there', async t => {
  const rows: readonly (readonly [string, string, boolean])[] = [
    ['*.csv', '/w/a.csv', true],
    ['*.csv', '/w/d/a.csv', false],
    ['**/*.csv', '/w/d/e/a.csv', true],
    ['**/*.csv', '/w/a.csv', true],
    ['d/**', '/w/d/e/a.csv', true],
    ['d/?', '/w/d/a', true],
    ['d/?', '/w/d/ab', false],
    ['[ab]*', '/w/bx', true],
    ['[!ab]*', '/w/bx', false],
    ['[z-a]', '/w/z', false],
    ['{a,b}.c', '/w/b.c', true],
    ['{a,b}.c', '/w/b.d', false],
    ['{a,b', '/w/b', true],
    ['a,b}', '/w/a,b}', true],
    ['../v/*', '/v/x', true],
    ['a.c', '/w/abc', false],
    ['a[', '/w/a[', true],
  ]
  for (const [pattern, path, expected] of rows)
    t.equal(globMatcher(pattern, '/w')(path), expected, `${pattern} ${path}`)
})
