import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { addAttributes, withAttributes } from '../../lib/git/attributes.js'
import { ignoreLine, ignoreNames, unignoreNames, withIgnored, withoutIgnored } from '../../lib/git/ignore-lines.js'
import { git, gitEnv, makeRepository, write } from '../support/git.js'

t.test('lines go to their place', async t => {
  const cases: readonly (readonly [string, readonly string[], string, string])[] = [
    ['', ['b', 'a'], '/a\n/b\n', 'new file, sorted'],
    ['/a\n/c\n', ['b'], '/a\n/b\n/c\n', 'between'],
    ['/a\n', ['a'], '/a\n', 'there already'],
    ['*.log', ['a'], '*.log\n/a\n', 'no newline at the end'],
    ['# mine\n*.log\n\n/b\n\n# more\n', ['a'], '# mine\n*.log\n\n/a\n/b\n\n# more\n', 'the group is kept together'],
    ['/b\n*.log\n', ['a'], '/a\n/b\n*.log\n', 'before other lines'],
    ['/a\n!*.csv\n', ['b.csv'], '/a\n!*.csv\n/b.csv\n', 'after what would take it back'],
    ['/a\n!/a\n', ['a'], '/a\n!/a\n/a\n', 'again, after what takes it back'],
    ['/z\n/y\n', ['a'], '/z\n/a\n/y\n', 'an unsorted group keeps its order'],
    ['/a\r\n*.x\r\n', ['a', 'b'], '/a\r\n/b\n*.x\r\n', 'CRLF'],
    ['/é\n', ['z', 'ü'], '/z\n/é\n/ü\n', 'by bytes'],
    ['/a/b\n', ['c'], '/a/b\n/c\n', 'a path of two parts is no line of ours'],
  ]
  for (const [text, names, expected, what] of cases) {
    t.equal(withIgnored(text, names), expected, what)
    t.equal(withIgnored(expected, names), expected, `${what}: twice`)
  }
})

t.test('lines are taken away, all others stay', async t => {
  t.equal(withoutIgnored('# x\n/a\n/b\n*.log', ['a']), '# x\n/b\n*.log\n')
  t.equal(withoutIgnored('/a\r\n/b', ['a']), '/b\n')
  t.equal(withoutIgnored('/b', ['a']), '/b', 'untouched where nothing goes')
  t.equal(withoutIgnored('/a\n', ['a']), '')
  t.equal(withoutIgnored('a\n/a/\n', ['a']), 'a\n/a/\n')
})

const odd = [
  'plain.csv',
  'a b',
  'trailing ',
  'trailing   ',
  ' leading',
  '#hash',
  '!bang',
  'st*ar',
  'que?ry',
  'br[ack]et',
  'back\\slash',
  'back\\',
  'back\\ ',
  'ünïcode',
  '-dash',
  '.hidden',
  '~tilde',
  '**',
  '[!a]',
  '{a,b}',
  '"quoted"',
  "it's",
]

t.test('git takes each line for exactly its name', async t => {
  const root = makeRepository(join(t.testdir(), 'r'), {})
  for (const name of odd) {
    write(root, { '.gitignore': `${ignoreLine(name)}\n` })
    const others = [...odd, 'staaar', 'queXry', 'bra', 'trailing', 'a'].flatMap(other => [other, `sub/${other}`])
    const input = others.map(other => `${other}\0`).join('')
    const ignored = execFileSync('sh', ['-c', 'git check-ignore -z --stdin || true'], { cwd: root, env: gitEnv, input })
    t.same(ignored.toString().split('\0').slice(0, -1), [name], JSON.stringify(name))
  }
})

t.test('the file beside the data', async t => {
  const root = makeRepository(join(t.testdir(), 'r'), { 'data/keep': '' })
  write(root, Object.fromEntries(odd.map(name => [`data/${name}`, 'x'])))
  const data = join(root, 'data')
  t.equal(ignoreNames(data, odd), true)
  t.equal(ignoreNames(data, odd), false)
  t.equal(git(root, 'status', '--porcelain', '-uall'), '?? data/.gitignore')
  t.equal(unignoreNames(data, odd), true)
  t.notOk(existsSync(join(data, '.gitignore')), 'an empty file goes')
  t.equal(unignoreNames(data, odd), false)
  symlinkSync('/etc/hostname', join(data, '.gitignore'))
  t.throws(() => ignoreNames(data, ['x']), { code: 'git', message: /symbolic link/ })
})

t.test('many names in one go', async t => {
  const names = Array.from({ length: 20_000 }, (_, i) => `f${i}`)
  const text = withIgnored('', names)
  t.equal(text.split('\n').length, 20_001)
  t.equal(withoutIgnored(text, names), '')
})

t.test('attributes', async t => {
  const all = withAttributes('')
  t.equal(all, '*.ddv text eol=lf diff=ddv merge=ddv\nddv.lock merge=ddv\n.gitignore merge=union\n')
  t.equal(withAttributes(all), all)
  t.equal(
    withAttributes('*.x -text\nddv.lock   merge=ddv'),
    `*.x -text\nddv.lock   merge=ddv\n*.ddv text eol=lf diff=ddv merge=ddv\n.gitignore merge=union\n`,
  )
  const root = makeRepository(join(t.testdir(), 'r'), {})
  t.equal(addAttributes(root), true)
  t.equal(addAttributes(root), false)
  t.equal(readFileSync(join(root, '.gitattributes'), 'utf8'), all)
  t.match(git(root, 'check-attr', 'merge', 'eol', '--', 'deep/x.ddv'), /merge: ddv\n.*eol: lf/)
})
