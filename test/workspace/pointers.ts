import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type DirectoryPointer, encodePointer, type Pointer } from '../../lib/core/pointer.js'
import { parseTreePath } from '../../lib/core/tree-path.js'
import { hashBytes } from '../../lib/sys/hash.js'
import { readIgnoreRules } from '../../lib/workspace/ignore.js'
import {
  coveringOutput,
  findPointer,
  isPointerPath,
  listOutputs,
  maxOutputName,
  outputOfPointer,
  parsePointer,
  pointerPath,
  walkOutputs,
} from '../../lib/workspace/pointers.js'
import { vectors } from '../support/fixtures.js'

const path = parseTreePath
const pointer = (filename: string, more: object = {}): Pointer =>
  ({
    kind: 'file',
    filename,
    hash: hashBytes(Buffer.from('x')),
    size: 1,
    executable: false,
    meta: undefined,
    ...more,
  }) as Pointer

t.test('paths of pointers and outputs', async t => {
  t.equal(pointerPath(path('a/b.csv')), 'a/b.csv.ddv')
  t.equal(outputOfPointer(path('a/b.csv.ddv')), 'a/b.csv')
  t.ok(isPointerPath('a.ddv'))
  for (const no of ['.ddv', 'a', 'ddv', 'a.DDV', 'a.ddv.bak']) t.notOk(isPointerPath(no), no)
  t.equal(maxOutputName + '.ddv'.length, 255)
})

t.test('a pointer of any origin is checked against itself', async t => {
  for (const { name, bytes, expected } of vectors('pointers/good')) {
    const { filename } = expected as Pointer
    t.same(parsePointer(bytes.toString(), path(`d/${filename}.ddv`)).filename, filename, name)
  }
  t.throws(() => parsePointer(encodePointer(pointer('a')), path('d/b.ddv')), {
    code: 'bad-pointer',
    message: /for 'a', not 'b': d\/b\.ddv$/,
    hint: /ddv move/,
  })
})

t.test('entries that are not those of the hash', async t => {
  const { expected } = vectors('pointers/good').find(vector => vector.name === 'directory.ddv') as { expected: unknown }
  const good = expected as DirectoryPointer
  const cases: readonly Partial<DirectoryPointer>[] = [
    { hash: hashBytes(Buffer.from('other')) },
    { size: good.size + 1 },
    { files: good.files + 1 },
    { entries: good.entries?.slice(1) },
    { entries: [] },
  ]
  for (const change of cases)
    t.throws(
      () => parsePointer(encodePointer({ ...good, ...change }), path('raw.ddv')),
      {
        code: 'bad-pointer',
        message: /entries that are not those of its hash: raw\.ddv$/,
      },
      Object.keys(change).join(),
    )
})

t.test('the pointer of an output', async t => {
  const root = t.testdir({ d: { 'a.ddv': encodePointer(pointer('a')), 'dir.ddv': {} }, file: '' })
  t.match(findPointer(root, path('d/a')), { filename: 'a', size: 1 })
  t.equal(findPointer(root, path('d/none')), undefined)
  t.equal(findPointer(root, path('none/none')), undefined)
  t.equal(findPointer(root, path('file/x')), undefined)
  t.throws(() => findPointer(root, path('d/dir')), { code: 'bad-pointer', message: /not a regular file/ })
  symlinkSync('a.ddv', join(root, 'd/link.ddv'))
  t.throws(() => findPointer(root, path('d/link')), { code: 'bad-pointer', message: /not a regular file/ })
  writeFileSync(join(root, 'd/large.ddv'), Buffer.alloc(1_048_577, ' '))
  t.throws(() => findPointer(root, path('d/large')), { code: 'bad-pointer', message: /larger/ })
})

t.test('every output of a workspace', async t => {
  const root = t.testdir({
    '.ddvignore': 'ignored/\n',
    'z.ddv': '',
    'é.ddv': '',
    raw: { 'inside-data.ddv': '' }, // raw is data: raw.ddv stands beside it
    'raw.ddv': '',
    a: { 'b.csv.ddv': '', 'b.csv': '', deep: { 'er.ddv': '' }, '.ddvignore': 'secret\n', secret: { 'x.ddv': '' } },
    ignored: { 'x.ddv': '' },
    '.git': { 'x.ddv': '' },
    '.ddv': { 'x.ddv': '' },
    '.cache': { 'x.ddv': '' },
    node_modules: { 'x.ddv': '' },
    'folder.ddv': { 'in-it.ddv': '' },
  })
  symlinkSync('z.ddv', join(root, 'link.ddv'))
  symlinkSync('a', join(root, 'linked'))
  mkdirSync(join(root, 'b'))
  const rules = readIgnoreRules(root)
  t.same(listOutputs(root, rules), ['a/b.csv', 'a/deep/er', 'folder.ddv/in-it', 'raw', 'z', 'é'])
  t.same(listOutputs(root, rules, path('a')), ['a/b.csv', 'a/deep/er'])
  t.same(listOutputs(root, rules, path('b')), [])
  t.same(listOutputs(root, rules, path('none')), [])
  t.same(listOutputs(root, rules, path('z.ddv')), [], 'a file has none below it')
})

t.test('locks are met on the same walk, and what they call data is not entered', async t => {
  const root = t.testdir({
    '.ddvignore': 'ignored/\n',
    'ddv.lock': '',
    'a.ddv': '',
    data: { 'x.ddv': '', 'ddv.lock': '' },
    sub: { 'ddv.lock': '', 'y.ddv': '' },
    ignored: { 'ddv.lock': '' },
    node_modules: { 'ddv.lock': '' },
    d: { 'ddv.lock': {} },
  })
  symlinkSync('a.ddv', join(root, 'd/e.ddv'))
  symlinkSync('../ddv.lock', join(root, 'link'))
  const asked: string[] = []
  const dataOf = (lock: string) => {
    asked.push(lock)
    return lock === 'ddv.lock' ? [path('data')] : []
  }
  const found = walkOutputs(root, readIgnoreRules(root), { dataOf })
  t.same(found, { outputs: ['a', 'sub/y'], locks: ['ddv.lock', 'sub/ddv.lock'] })
  t.same(asked, ['ddv.lock', 'sub/ddv.lock'])
})

t.test('the output that covers a path', async t => {
  const root = t.testdir({ 'raw.ddv': '', raw: { x: '' }, d: { 'a.csv.ddv': '', 'a.csv': '' }, 'dir.ddv': {} })
  t.equal(coveringOutput(root, path('raw')), 'raw')
  t.equal(coveringOutput(root, path('raw/x/y')), 'raw')
  t.equal(coveringOutput(root, path('d/a.csv')), 'd/a.csv')
  t.equal(coveringOutput(root, path('d/a.csv/below/a/file')), 'd/a.csv')
  t.equal(coveringOutput(root, path('d')), undefined)
  t.equal(coveringOutput(root, path('d/b')), undefined)
  t.equal(coveringOutput(root, path('raw/x')), 'raw')
  t.equal(coveringOutput(root, path('raw.ddv/x')), undefined)
  t.equal(coveringOutput(root, path('dir')), undefined)
})
