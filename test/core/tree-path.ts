import fc from 'fast-check'
import t from 'tap'
import {
  basename,
  compareUtf8,
  dirname,
  displayPath,
  isReservedName,
  isWithin,
  joinTreePath,
  parseTreePath,
  type TreePath,
  treePathProblem,
} from '../../lib/core/tree-path.js'

const path = (text: string): TreePath => parseTreePath(text)

t.test('paths', async t => {
  const good = [
    'a',
    'data/raw/x.csv',
    '.hidden',
    '...',
    '..a',
    'a..',
    ' ',
    ' a ',
    '-rf',
    'a\nb',
    'a\\b',
    'ab:c',
    'x/a:b',
    '日本/表',
    '😀',
    '"',
    'nfd-e\u0301',
    'github',
    'git',
    'ddv',
    '.gitignore',
    '.gitattributes',
    '.ddvignore',
    'x.ddv',
    '.git2',
    'a.git',
    'git~2',
    'CON',
    '\ufffd',
    'é'.repeat(127),
    'a'.repeat(255),
    Array(16).fill('a'.repeat(255)).join('/'),
  ]
  for (const text of good) t.equal(parseTreePath(text), text, text.slice(0, 40))
})

t.test('what is no path', async t => {
  const bad: readonly (readonly [string, RegExp])[] = [
    ['', /is empty/],
    ['/', /absolute/],
    ['/a', /absolute/],
    ['a/', /empty part/],
    ['a//b', /empty part/],
    ['.', /part '\.'/],
    ['..', /part '\.\.'/],
    ['a/.', /part '\.'/],
    ['./a', /part '\.'/],
    ['../a', /part '\.\.'/],
    ['a/../b', /part '\.\.'/],
    ['a/..', /part '\.\.'/],
    ['a\0b', /NUL/],
    ['C:', /drive/],
    ['c:\\a', /drive/],
    ['z:a', /drive/],
    ['a\ud800', /Unicode/],
    ['\udc00/b', /Unicode/],
    ['a'.repeat(256), /longer than 255/],
    ['é'.repeat(128), /longer than 255/],
    ['日'.repeat(86), /longer than 255/],
    [Array(17).fill('a'.repeat(250)).join('/'), /longer than 4096/],
    ['.git', /not for data/],
    ['a/.git/b', /not for data/],
    ['.ddv/state', /not for data/],
  ]
  for (const [text, message] of bad) {
    t.match(treePathProblem(text), message, text.slice(0, 40))
    t.throws(() => parseTreePath(text), { code: 'bad-path', message }, text.slice(0, 40))
  }
})

t.test('backslashes are separators on Windows only', async t => {
  t.match(treePathProblem('a\\..\\b', 'win32'), /backslash/)
  t.equal(treePathProblem('a\\..\\b', 'linux'), undefined)
})

t.test('disguises of .git and .ddv', async t => {
  const disguises = [
    '.git',
    '.GIT',
    '.Git',
    '.git.',
    '.git ',
    '.git. . ',
    '.git::$INDEX_ALLOCATION',
    '.git:stream',
    'GIT~1',
    'git~1',
    'git~1.',
    '.g\u200cit',
    '\u200d.git',
    '.git\ufeff',
    '.gi\u202et',
    '.git\u206a',
    '\uff0egit',
    '\u2024git',
    '.ｇit',
    'ｇit~1',
    '.ddv',
    '.DDV',
    '.ddv ',
    'ddv~1',
    '.d\u200bdv'.replace('\u200b', '\u200c'),
    'ｄdv~1',
  ]
  for (const name of disguises) {
    t.ok(isReservedName(name), JSON.stringify(name))
    t.match(treePathProblem(`a/${name}/b`), /not for data/, JSON.stringify(name))
  }
  for (const name of ['.gitx', 'x.git', '.git~1', 'git', 'ddv', '.ddvx', 'git~10', '.gi t', 'a.git.'])
    t.notOk(isReservedName(name), name)
})

t.test('the cheap look at the first letter misses no disguise', async () => {
  const unit = fc.constantFrom('.', 'g', 'G', 'i', 't', 'd', 'D', 'v', '~', '1', ' ', ':', '\u200c', '\uff0e', '\uff47')
  fc.assert(
    fc.property(fc.string({ unit, minLength: 1, maxLength: 8 }), name => {
      const refused = treePathProblem(name)?.includes('not for data') === true
      return name === '.' || name === '..' || /^[a-z]:/i.test(name) || refused === isReservedName(name)
    }),
    { numRuns: 3000 },
  )
})

t.test('a parsed path stays below its directory', async () => {
  const part = fc.oneof(fc.constantFrom('.', '..', '', 'a', '.git', 'C:', '\0', '/'), fc.string({ maxLength: 5 }))
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), parts => {
      const text = parts.join('/')
      if (treePathProblem(text) !== undefined) return true
      const resolved = new URL(text.split('/').map(encodeURIComponent).join('/'), 'file:///root/tree/').pathname
      return resolved.startsWith('/root/tree/') && resolved.split('/').length === text.split('/').length + 3
    }),
    { numRuns: 1000 },
  )
})

t.test('parts of a path', async t => {
  t.equal(joinTreePath('', path('a')), 'a')
  t.equal(joinTreePath(path('a/b'), path('c/d')), 'a/b/c/d')
  t.equal(dirname(path('a')), '')
  t.equal(dirname(path('a/b/c')), 'a/b')
  t.equal(basename(path('a')), 'a')
  t.equal(basename(path('a/b/c')), 'c')
  t.ok(isWithin(path('a/b'), path('a')))
  t.ok(isWithin(path('a'), path('a')))
  t.ok(isWithin(path('a'), ''))
  t.ok(isWithin('', ''))
  t.notOk(isWithin(path('ab'), path('a')))
  t.notOk(isWithin(path('a'), path('a/b')))
  t.notOk(isWithin('', path('a')))
})

t.test('ordered as their UTF-8 bytes', async t => {
  const text = fc.string({
    unit: fc.oneof(
      fc.constantFrom('a', '\ue000', '\uffff', '😀', '\ud7ff', 'é'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    ),
    maxLength: 4,
  })
  fc.assert(
    fc.property(text, text, (a, b) => Math.sign(compareUtf8(a, b)) === Buffer.compare(Buffer.from(a), Buffer.from(b))),
    { numRuns: 2000 },
  )
  t.ok(compareUtf8('\uff5e', '😀') < 0, 'where UTF-16 says otherwise')
})

t.test('a name cannot draw on a terminal', async t => {
  t.equal(displayPath('a\nb\tc'), 'a\\nb\\tc')
  t.equal(displayPath('\u001b[31m\u009b\u007f\u202e\u2066'), '\\u001b[31m\\u009b\\u007f\\u202e\\u2066')
  t.equal(displayPath('data/日本 😀.csv'), 'data/日本 😀.csv')
  t.throws(() => parseTreePath('\u001b[2J/..'), { message: /\\u001b\[2J/ })
  t.match(treePathProblem('.git:\u001b[2J'), /\\u001b\[2J/)
})
