import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import ignore from 'ignore'
import t from 'tap'
import { isBelowIgnored, readIgnoreRules } from '../../lib/workspace/ignore.js'

t.test('no file ignores nothing', async t => {
  const rules = readIgnoreRules(t.testdir())
  t.notOk(rules.ignores('a', false))
  t.notOk(rules.ignores('a/b', true))
})

t.test("git's syntax, relative to the root", async t => {
  const root = t.testdir({ '.ddvignore': '# a comment\n\n*.tmp\n/top\nbuild/\n!keep.tmp\ndeep/**/x\n\\#hash\n' })
  const rules = readIgnoreRules(root)
  const cases: readonly (readonly [string, boolean, boolean])[] = [
    ['a.tmp', false, true],
    ['d/a.tmp', false, true],
    ['keep.tmp', false, false],
    ['d/keep.tmp', false, false],
    ['top', false, true],
    ['d/top', false, false],
    ['build', true, true],
    ['build', false, false],
    ['d/build', true, true],
    ['build/x', false, true],
    ['deep/a/b/x', false, true],
    ['#hash', false, true],
    ['a.TMP', false, false],
    ['# a comment', false, false],
  ]
  for (const [path, directory, expected] of cases) t.equal(rules.ignores(path, directory), expected, path)
})

t.test('the nearest file that says anything decides', async t => {
  const root = t.testdir({
    '.ddvignore': '*.tmp\n',
    a: { '.ddvignore': '!*.tmp\nx\n', b: { '.ddvignore': '/only-here\n*.tmp\n' }, c: {} },
  })
  const top = readIgnoreRules(root)
  const a = top.enter('a')
  const b = a.enter('a/b')
  const c = a.enter('a/c')
  t.ok(top.ignores('a/f.tmp', false), 'before the directory is entered')
  t.notOk(a.ignores('a/f.tmp', false))
  t.ok(a.ignores('a/x', false))
  t.ok(b.ignores('a/b/f.tmp', false))
  t.ok(b.ignores('a/b/x', false))
  t.ok(b.ignores('a/b/only-here', false))
  t.notOk(b.ignores('a/b/d/only-here', false))
  t.notOk(c.ignores('a/c/f.tmp', false))
  t.ok(top.ignores('f.tmp', false), 'entering changes nothing above')
})

t.test('names that look like patterns', async t => {
  const rules = readIgnoreRules(t.testdir({ '.ddvignore': '[ab].csv\n\\[x\\].csv\n' }))
  t.ok(rules.ignores('a.csv', false))
  t.ok(rules.ignores('[x].csv', false))
  t.notOk(rules.ignores('[ab].csv', false))
  for (const odd of [' ', '..a', '-rf', 'a\nb', '😀', '!x']) t.notOk(rules.ignores(odd, false), odd)
})

t.test('a directory by that name is told', async t => {
  t.throws(() => readIgnoreRules(t.testdir({ '.ddvignore': {} })), { code: 'bad-config', message: /is no file/ })
})

t.test('what lies below an ignored directory, also where it is not there any more', async t => {
  const root = t.testdir({ '.ddvignore': 'old\n', a: { '.ddvignore': 'in\n!b/old\n', b: {} }, file: '' })
  const rules = readIgnoreRules(root)
  for (const path of ['old/x', 'a/in/x', 'a/in/deep/x', 'gone/old/x']) t.ok(isBelowIgnored(rules, path), path)
  for (const path of ['x', 'old', 'a/x', 'a/b/old/x', 'in/x', 'file/x', 'gone/y/x'])
    t.notOk(isBelowIgnored(rules, path), path)
})

t.test('names alone, and beside patterns, mean what they mean in git', async t => {
  const name = fc.constantFrom('a', 'b', '.c', 'd.txt', '__e__')
  const line = fc.oneof(
    name,
    name.map(text => `${text}/`),
    fc.constantFrom('*.txt', '/a', 'b/d.txt', '# a', '', '!b', '.', '..', 'a/**'),
  )
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map(parts => parts.join('/'))
  const root = t.testdir()
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 5 }),
      fc.array(fc.tuple(path, fc.boolean()), { maxLength: 8 }),
      (lines, paths) => {
        writeFileSync(join(root, '.ddvignore'), lines.join('\n'))
        const rules = readIgnoreRules(root)
        const oracle = ignore({ ignorecase: false }).add(lines.join('\n'))
        for (const [text, isDirectory] of paths)
          t.equal(rules.ignores(text, isDirectory), oracle.test(isDirectory ? `${text}/` : text).ignored, text)
      },
    ),
    { numRuns: 300 },
  )
})
