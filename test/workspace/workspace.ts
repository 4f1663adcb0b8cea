import { join } from 'node:path'
import t from 'tap'
import { findWorkspace, loadWorkspace, toTreePath } from '../../lib/workspace/workspace.js'

t.test('the nearest directory with .ddv', async t => {
  const root = t.testdir({
    '.ddv': {},
    a: { b: { c: 'a file' } },
    inner: { '.ddv': {}, d: {} },
    fake: { '.ddv': 'a file' },
  })
  t.equal(findWorkspace(root)?.root, root)
  t.equal(findWorkspace(join(root, 'a/b'))?.root, root)
  t.equal(findWorkspace(join(root, 'inner/d'))?.root, join(root, 'inner'))
  t.equal(findWorkspace(join(root, 'fake'))?.root, root, 'a file by that name is none')
  t.equal(findWorkspace(join(root, 'a/b/c'))?.root, root, 'from a file')
  t.equal(findWorkspace(join(root, 'not/there'))?.root, root)
  t.equal(findWorkspace('/'), undefined)
  t.throws(() => loadWorkspace('/'), { code: 'no-workspace', hint: /ddv init/ })
})

t.test('what a person typed', async t => {
  const workspace = { root: '/w/s' }
  const cases: readonly (readonly [string, string, string])[] = [
    ['x', '/w/s', 'x'],
    ['x', '/w/s/d', 'd/x'],
    ['./x', '/w/s/d', 'd/x'],
    ['../x', '/w/s/d', 'x'],
    ['x/', '/w/s', 'x'],
    ['a//b/./c/..', '/w/s', 'a/b'],
    ['/w/s/x', '/elsewhere', 'x'],
    ['.', '/w/s', ''],
    ['..', '/w/s/d', ''],
    ['..x', '/w/s', '..x'],
    ['日本', '/w/s', '日本'],
  ]
  for (const [typed, cwd, expected] of cases) t.equal(toTreePath(workspace, typed, cwd), expected, `${typed} in ${cwd}`)
  for (const typed of ['..', '../x', '/', '/etc/passwd', '/w/s2/x', '../s2'])
    t.throws(() => toTreePath(workspace, typed, '/w/s'), { code: 'usage', message: /outside/ }, typed)
  for (const typed of ['.git', '.git/config', '.ddv/config.yaml', 'd/.GIT', 'a\0b'])
    t.throws(() => toTreePath(workspace, typed, '/w/s'), { code: 'bad-path' }, typed)
})
