import { statSync } from 'node:fs'
import t from 'tap'
import type { Pointer } from '../../lib/core/pointer.js'
import type { TreePath } from '../../lib/core/tree-path.js'
import { withWorkspaceLock } from '../../lib/ops/locked.js'
import { directoryPointer, forgetInGit, ignoreOutputs, writePointers } from '../../lib/ops/write-pointers.js'
import { digestOf, makeWorkspace, type TestWorkspace } from '../support/workspace.js'

const pointerOf = (filename: string, content: string): Pointer => ({
  kind: 'file',
  filename,
  hash: digestOf(content),
  size: content.length,
  meta: undefined,
  executable: false,
})

const change = (output: string, content: string) => ({
  output: output as TreePath,
  pointer: pointerOf(output.slice(output.lastIndexOf('/') + 1), content),
})

async function write(w: TestWorkspace, ...changes: ReturnType<typeof change>[]): Promise<string[]> {
  const project = await w.project()
  return [...(await withWorkspaceLock(project, {}, locked => writePointers(project, changes, locked)))]
}

t.test('pointers, ignore lines and git in one go', async t => {
  const w = await makeWorkspace(t)
  t.same(await write(w, change('x', '1'), change('a/b/y', '2'), change('a/b/z', '3')), ['x', 'a/b/y', 'a/b/z'])
  t.equal(w.pointer('a/b/y').hash, digestOf('2'))
  t.equal(w.read('a/b/.gitignore'), '/y\n/z\n')
  t.same(w.git('diff', '--cached', '--name-only').split('\n'), [
    '.gitignore',
    'a/b/.gitignore',
    'a/b/y.ddv',
    'a/b/z.ddv',
    'x.ddv',
  ])
  t.equal(statSync(w.path('x.ddv')).mode & 0o777, 0o666 & ~process.umask())

  w.commit()
  const { mtimeNs } = statSync(w.path('x.ddv'), { bigint: true })
  t.same(await write(w, change('x', '1'), change('a/b/y', 'other')), ['a/b/y'], 'only what differs is written')
  t.equal(statSync(w.path('x.ddv'), { bigint: true }).mtimeNs, mtimeNs)
  t.equal(w.git('status', '--porcelain'), 'M  a/b/y.ddv')

  w.remove('a/b/y.ddv', 'a/b/z.ddv')
  await forgetInGit(await w.project(), ['a/b/y', 'a/b/z'] as TreePath[])
  t.notOk(w.has('a/b/.gitignore'))
  t.equal(w.git('ls-files', 'a'), '')
})

t.test('what was lost from git is put back', async t => {
  const w = await makeWorkspace(t)
  await write(w, change('x', '1'))
  w.git('rm', '-q', '--cached', 'x.ddv')
  w.write({ '.gitignore': '/.cache\n' })
  t.same(await write(w, change('x', '1')), [])
  t.equal(w.read('.gitignore'), '/.cache\n/x\n')
  t.equal(w.git('diff', '--cached', '--name-only'), '.gitignore\nx.ddv')
})

t.test('rows stand in the pointer up to a thousand', async t => {
  const entries = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      path: String(i).padStart(4, '0') as TreePath,
      digest: digestOf('1'),
      size: 1,
      executable: false,
    }))
  const make = (count: number) => directoryPointer('p/d' as TreePath, entries(count), undefined)
  t.match(make(1000), { kind: 'directory', filename: 'd', files: 1000, size: 1000, entries: { length: 1000 } })
  t.match(make(1001), { files: 1001, size: 1001, entries: undefined })
})

t.test('what stages made is ignored, and their locks are staged', async t => {
  const w = await makeWorkspace(t, { files: { 'out/a': '1', 'sub/o': '2', 'ddv.lock': '{}', 'sub/ddv.lock': '{}' } })
  const project = await w.project()
  const told = { outputs: ['out', 'sub/o'] as TreePath[], locks: ['ddv.lock', 'sub/ddv.lock'] as TreePath[] }
  await withWorkspaceLock(project, {}, locked => ignoreOutputs(project, told, locked))
  t.match(w.read('.gitignore'), /^\/out$/m)
  t.equal(w.read('sub/.gitignore'), '/o\n')
  const staged = ['.gitignore', 'ddv.lock', 'sub/.gitignore', 'sub/ddv.lock']
  t.same(w.git('diff', '--cached', '--name-only').split('\n'), staged)
  t.equal(w.git('status', '--porcelain', '-uall').split('\n').length, 4)
})

t.test('without autostage only ignored', async t => {
  const w = await makeWorkspace(t, { files: { out: '1', 'ddv.lock': '{}' }, env: { DDV_GIT_AUTOSTAGE: 'false' } })
  const project = await w.project()
  const told = { outputs: ['out'] as TreePath[], locks: ['ddv.lock'] as TreePath[] }
  await withWorkspaceLock(project, {}, locked => ignoreOutputs(project, told, locked))
  t.match(w.read('.gitignore'), /^\/out$/m)
  t.equal(w.git('diff', '--cached', '--name-only'), '')
})
