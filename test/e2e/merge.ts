// Merging branches that changed data: the real git, with the built program as its merge driver and textconv.

import { chmodSync, existsSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { installDrivers } from '../../lib/git/drivers.js'
import { findRepository } from '../../lib/git/repository.js'
import { git, gitEnv, makeRepository } from '../support/git.js'
import { loadProgram } from '../support/program.js'
import {
  type Files,
  makeWorkspace,
  openWorkspace,
  type TestWorkspace,
  temporaryDirectory,
} from '../support/workspace.js'

const { script } = await loadProgram()

async function install(w: TestWorkspace): Promise<void> {
  const repository = findRepository(w.root, gitEnv)
  if (repository === undefined) throw new Error('no repository')
  await installDrivers(repository, { node: process.execPath, program: script })
  // git starts ddv with an environment of its own, and nobody pulls the plug here.
  w.write({ '.ddv/config.local.yaml': 'core:\n  fsync: off\n' })
}

async function start(t: Test, files: Files, root?: string): Promise<TestWorkspace> {
  const w = await makeWorkspace(t, { files, ...(root !== undefined && { root }) })
  await install(w)
  await w.add(outputsOf(files))
  w.commit('base')
  return w
}

const outputsOf = (files: Files): string[] => [...new Set(Object.keys(files).map(path => path.split('/')[0] as string))]

/** One commit: writes, deletes where the content is undefined, adds. */
async function change(w: TestWorkspace, files: Readonly<Record<string, string | undefined>>): Promise<string> {
  for (const [path, content] of Object.entries(files))
    if (content === undefined) w.remove(path)
    else w.write({ [path]: content })
  await w.add(outputsOf(files as Files))
  return w.commit(Object.keys(files).join(' '))
}

/** A branch from here with one change, and another on `main`. */
async function diverge(
  w: TestWorkspace,
  ours: Readonly<Record<string, string | undefined>>,
  theirs: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  w.git('switch', '-q', '-c', 'side')
  await change(w, theirs)
  w.git('switch', '-q', 'main')
  await w.checkout()
  await change(w, ours)
}

/** What git says when it fails. */
function failing(w: TestWorkspace, ...args: string[]): string {
  try {
    w.git(...args)
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    return stdout + stderr
  }
  throw new Error(`it did not fail: git ${args.join(' ')}`)
}

async function isAsPointersSay(t: Test, w: TestWorkspace, expected: Readonly<Record<string, string>>): Promise<void> {
  const { failures } = await w.checkout()
  t.same(failures, [])
  const data = Object.entries(w.tree()).filter(([path]) => !/^\.|\.ddv$/.test(path) && !path.includes('/.'))
  t.same(Object.fromEntries(data), expected)
  t.ok((await w.status()).clean)
  t.equal(w.git('status', '--porcelain'), '')
}

t.test('different files of one directory', async t => {
  const w = await start(t, { 'd/a': '1', 'd/b': '1', 'd/s.sh': '1', 'd/gone': '1' })
  w.git('switch', '-q', '-c', 'side')
  w.write({ 'd/b': 'theirs', 'd/new/x': 'theirs', 'd/empty/': '' })
  chmodSync(w.path('d/s.sh'), 0o755)
  await w.add('d', { meta: { from: 'side' } })
  w.commit()
  w.git('switch', '-q', 'main')
  await w.checkout()
  await change(w, { 'd/a': 'ours', 'd/s.sh': 'ours', 'd/gone': undefined })
  w.git('merge', '-q', '-m', 'm', 'side')
  const { hash } = w.pointer('d')
  t.ok(existsSync(w.blob(hash)), 'its manifest is in the cache')
  t.same(w.pointer('d').meta, { from: 'side' })
  await isAsPointersSay(t, w, {
    'd/a': 'ours',
    'd/b': 'theirs',
    'd/empty/': '',
    'd/new/x': 'theirs',
    'd/s.sh': '*ours',
  })
})

t.test('a directory of 1,500 files, a workspace below the top, and a listing that is not at hand', async t => {
  const top = join(t.testdir(), 'r')
  const many = Object.fromEntries(Array.from({ length: 1500 }, (_, i) => [`d/${i % 10}/f${i}`, `${i}`]))
  makeRepository(top, { 'code/readme': 'r', 'p/readme': 'r' })
  const w = openWorkspace(t, join(top, 'p'))
  t.equal((await w.ddv('init')).code, 0)
  await install(w)
  w.write(many)
  await w.add('d')
  w.commit('base')
  t.equal(w.pointer('d').entries, undefined)
  await diverge(w, { 'd/1/f1': 'ours', 'd/2/f2': undefined }, { 'd/3/f3': 'theirs', 'd/z': 'theirs' })
  t.match(git(top, 'diff', 'HEAD~1', '--', 'p/d.ddv'), /^-2\/f2 1 [0-9a-f]{12}$/m, 'shown by file, from the top')
  t.match(git(join(top, 'code'), 'diff', 'HEAD~1'), /^-2\/f2 1 [0-9a-f]{12}$/m, 'and from elsewhere')
  t.notMatch(git(top, 'log', '-p', '-1'), /^[-+]\S*\/f7 /m, 'what did not change is not shown')
  const theirs = JSON.parse(git(top, 'show', '--no-textconv', 'side:p/d.ddv')).hash
  const [blob, away] = [w.blob(theirs), w.path('away')]
  renameSync(blob, away)
  const said = failing(w, 'merge', '-m', 'm', 'side')
  t.match(said, /manifest is not in the cache: d$/m)
  t.match(said, /'ddv fetch d' brings/)
  renameSync(away, blob)
  w.git('checkout', '--merge', '--', 'd.ddv')
  t.equal(w.pointer('d').files, 1500, 'merged again, as the hint says')
  w.git('add', 'd.ddv')
  w.commit('merged')
  await w.checkout()
  t.equal(w.read('d/1/f1') + w.read('d/3/f3') + w.read('d/z'), 'ourstheirstheirs')
  t.notOk(w.has('d/2/f2'))
  t.ok((await w.status()).clean)
})

t.test('a conflict: named file by file, both versions kept, and one side taken', async t => {
  for (const [side, expected] of [
    ['ours', { 'd/a': 'ours', 'd/b': 'theirs', 'd/c': 'ours', 'd/e': '', x: 'ours' }],
    ['theirs', { 'd/a': 'theirs', 'd/b': 'theirs', 'd/c': 'ours', x: 'theirs' }],
  ] as const) {
    const w = await start(t, { 'd/a': '1', 'd/b': '1', 'd/c': '1', 'd/e': '1', x: '1' }, join(t.testdir(), side))
    await diverge(
      w,
      { 'd/a': 'ours', 'd/c': 'ours', 'd/e': '', x: 'ours' },
      { 'd/a': 'theirs', 'd/b': 'theirs', 'd/e': undefined, x: 'theirs' },
    )
    const said = failing(w, 'merge', '-m', 'm', 'side')
    t.match(
      said,
      /^ddv: error: both sides changed: d\.ddv\nddv: {3}a: changed in ours, changed in theirs\nddv: {3}e: ch/m,
    )
    t.match(said, /^ddv: {3}e: changed in ours, deleted in theirs\nddv: hint: 'ddv checkout --ours d'/m)
    t.match(said, /^ddv: {3}the file: changed in ours, changed in theirs$/m)
    t.equal(w.git('ls-files', '--unmerged').split('\n').length, 6)
    t.match(w.read('d.ddv'), /^<<<<<<< ours\n\{[\s\S]*^=======\n\{[\s\S]*^>>>>>>> theirs\n$/m)
    const refused = await w.ddv('checkout')
    t.equal(refused.code, 3)
    t.match(refused.stderr, /merge markers: d\.ddv[\s\S]*ddv checkout --ours/)
    w.write({ x: 'unsaved' })
    const kept = await w.ddv('checkout', `--${side}`, 'x')
    t.equal(kept.code, 15, 'nothing that was never added is overwritten')
    t.equal(w.read('x'), 'unsaved')
    t.match(w.read('x.ddv'), /^<<<<<<<|"hash"/)
    t.match(w.git('ls-files', '--unmerged', 'x.ddv'), /x\.ddv/, 'and the conflict stays')
    w.write({ x: 'ours' })
    const { code, stderr } = await w.ddv('checkout', `--${side}`)
    t.equal(code, 0, stderr)
    t.equal(w.git('ls-files', '--unmerged'), '')
    w.commit('merged')
    await isAsPointersSay(t, w, expected)
  }
})

t.test('taking a side: what it refuses', async t => {
  const w = await start(t, { 'd/a': '1', x: '1', y: '1' })
  await diverge(w, { 'd/a': '2', x: '2' }, { 'd/a': '3', y: '3' })
  w.git('rm', '-q', 'y.ddv')
  w.commit()
  failing(w, 'merge', '-m', 'm', 'side')
  for (const [argv, code, message] of [
    [['--ours', '--theirs', 'd'], 2, /exclude each other/],
    [['--ours', 'd/a'], 2, /as a whole: d/],
    [['--ours', 'x'], 2, /not in conflict: x/],
    [['--ours', 'y'], 1, /deleted in ours: y[\s\S]*git rm y\.ddv/],
  ] as const) {
    const ran = await w.ddv('checkout', ...argv)
    t.equal(ran.code, code, argv.join(' '))
    t.match(ran.stderr, message)
  }
  t.equal((await w.ddv('checkout', '--theirs', 'y', 'd')).code, 0)
  t.equal(w.git('ls-files', '--unmerged'), '')
  t.equal(w.read('y') + w.read('d/a'), '33')
})

t.test('an output that was renamed on one side', async t => {
  const files = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`d/${i}`, `${i}`]))
  const w = await start(t, files)
  w.git('switch', '-q', '-c', 'side')
  await change(w, { 'd/7': 'theirs' })
  w.git('switch', '-q', 'main')
  await w.checkout()
  t.equal((await w.ddv('move', 'd', 'sub/e')).code, 0)
  w.commit('moved')
  w.git('merge', '-q', '-m', 'm', 'side')
  t.notOk(w.has('d.ddv'))
  t.equal(w.pointer('sub/e').filename, 'e')
  await w.checkout()
  t.equal(w.read('sub/e/7'), 'theirs')
})

t.test('rebase and cherry-pick', async t => {
  const w = await start(t, { 'd/a': '1', 'd/b': '1', 'd/c': '1' })
  await diverge(w, { 'd/a': 'main' }, { 'd/b': 'side' })
  w.git('switch', '-q', 'side')
  await w.checkout()
  await change(w, { 'd/c': 'side' })
  w.git('rebase', '-q', 'main')
  await isAsPointersSay(t, w, { 'd/a': 'main', 'd/b': 'side', 'd/c': 'side' })
  w.git('switch', '-q', 'main')
  w.git('cherry-pick', 'side')
  await isAsPointersSay(t, w, { 'd/a': 'main', 'd/b': '1', 'd/c': 'side' })
  w.git('switch', '-q', '-c', 'other', 'main~1')
  await w.checkout()
  await change(w, { 'd/c': 'other' })
  t.match(failing(w, 'rebase', 'main'), /c: changed in ours, changed in theirs/)
  t.equal((await w.ddv('checkout', '--theirs', 'd')).code, 0)
  w.git('-c', 'core.editor=true', 'rebase', '--continue')
  await isAsPointersSay(t, w, { 'd/a': 'main', 'd/b': '1', 'd/c': 'other' })
})

t.test('criss-cross: two merge bases, also where they conflict with each other', async t => {
  for (const [name, theirs, expected] of [
    ['clean', { 'd/b': 'side' }, { 'd/a': 'late main', 'd/b': 'late side', 'd/c': '1' }],
    ['conflicting', { 'd/a': 'side', 'd/b': 'side' }, { 'd/a': 'late main', 'd/b': 'late side', 'd/c': '1' }],
  ] as const) {
    const w = await start(t, { 'd/a': '1', 'd/b': '1', 'd/c': '1' }, join(t.testdir(), name))
    await diverge(w, { 'd/a': 'main' }, theirs)
    const merge = async (into: string, other: string): Promise<void> => {
      w.git('switch', '-q', into)
      await w.checkout()
      try {
        w.git('merge', '-q', '--no-ff', '-m', 'm', other)
      } catch {
        t.equal((await w.ddv('checkout', '--ours', 'd')).code, 0)
        w.commit('m')
      }
      await w.checkout()
    }
    w.git('branch', 'main-before', 'main')
    await merge('main', 'side')
    await merge('side', 'main-before')
    await change(w, { 'd/b': 'late side' })
    w.git('switch', '-q', 'main')
    await w.checkout()
    await change(w, { 'd/a': 'late main' })
    t.equal(w.git('merge-base', '--all', 'main', 'side').split('\n').length, 2)
    if (name === 'clean') w.git('merge', '-q', '-m', 'm', 'side')
    else {
      // Each side decided the older conflict its own way, so that it is still one.
      t.match(failing(w, 'merge', '-m', 'm', 'side'), /a: changed in ours, changed in theirs\nddv: hint/)
      t.equal((await w.ddv('checkout', '--ours', 'd')).code, 0)
      w.commit('m')
    }
    await isAsPointersSay(t, w, expected)
  }
})

t.test('two clones that push: what was merged can be pulled, though no remote has it as such', async t => {
  const top = temporaryDirectory(t)
  const a = await start(t, { 'd/a': 'a'.repeat(70_000), 'd/b': 'b'.repeat(70_000), 'd/c': '1' }, join(top, 'a'))
  t.equal((await a.ddv('remote', 'add', 'origin', '../remote')).code, 0)
  await a.close()
  a.git('add', '-A')
  a.commit('remote')
  await a.push()
  git(top, 'clone', '-q', 'a', 'b')
  const b = openWorkspace(t, join(top, 'b'))
  await install(b)
  await b.pull()
  await change(a, { 'd/a': `${'a'.repeat(70_000)} more` })
  await a.push()
  await change(b, { 'd/c': 'of b' })
  b.git('pull', '-q', '--no-rebase', '--no-edit')
  const status = await b.ddv('pull')
  t.equal(status.code, 0, status.stderr)
  t.equal(b.read('d/c'), 'of b')
  t.equal(b.read('d/a').length, 70_005)
  await b.push()
  b.remove('.cache', 'd')
  t.equal((await b.ddv('pull')).code, 0, 'pushed, it is whole')
  await change(a, { 'd/c': 'of a' })
  await a.push()
  await change(b, { 'd/c': 'again' })
  failing(b, 'pull', '-q', '--no-rebase', '--no-edit')
  const taken = await b.ddv('checkout', '--theirs', 'd')
  t.equal(taken.code, 12, 'the data of their side is not here yet')
  t.match(taken.stderr, /ddv fetch d/)
  t.match(b.git('status', '--porcelain'), /^UU d\.ddv$/m, 'and the conflict is as it was')
  t.equal((await b.ddv('fetch', 'd')).code, 0)
  const again = await b.ddv('checkout', '--theirs', 'd')
  t.equal(again.code, 0, again.stderr)
  t.equal(b.read('d/c'), 'of a')
})

t.test('a fetch during a conflict brings both sides', async t => {
  const top = temporaryDirectory(t)
  const a = await start(t, { x: '1' }, join(top, 'a'))
  t.equal((await a.ddv('remote', 'add', 'origin', '../remote')).code, 0)
  await a.close()
  a.git('add', '-A')
  a.commit('remote')
  await diverge(a, { x: 'ours' }, { x: 'theirs' })
  await a.push([], { revisions: ['main', 'side'] })
  a.remove('.cache')
  failing(a, 'merge', '-m', 'm', 'side')
  t.equal((await a.ddv('fetch', 'x')).code, 12, 'the version of before was not pushed')
  t.equal((await a.ddv('checkout', '--theirs', 'x')).code, 0)
  t.equal(a.read('x'), 'theirs')
})

t.test('the lock merges by stage, and says which ones do not', async t => {
  const w = await makeWorkspace(t)
  await install(w)
  const lock = (stages: object): string => `${JSON.stringify({ ddv: 1, stages }, null, 2)}\n`
  const commit = (stages: object): void => {
    w.write({ 'ddv.lock': lock(stages) })
    w.git('add', 'ddv.lock')
    w.commit()
  }
  commit({ a: { out: 1 }, b: { out: 1 } })
  w.git('switch', '-q', '-c', 'side')
  commit({ a: { out: 1 }, b: { out: 2 } })
  w.git('switch', '-q', 'main')
  commit({ a: { out: 2 }, b: { out: 1 }, c: {} })
  w.git('merge', '-q', '-m', 'm', 'side')
  t.equal(w.read('ddv.lock'), lock({ a: { out: 2 }, b: { out: 2 }, c: {} }))
  commit({ a: { out: 3 }, b: { out: 3 } })
  w.git('switch', '-q', 'side')
  commit({ a: { out: 4 }, b: { out: 2 } })
  t.match(
    failing(w, 'merge', '-m', 'm', 'main'),
    /both sides changed: ddv\.lock\nddv: {3}stage a: changed in ours, changed in theirs\nddv: hint: .*git checkout --ours ddv\.lock/,
  )
  t.match(w.read('ddv.lock'), /^<<<<<<< ours/)
})

t.test('what is no pointer fails no diff, and no merge silently', async t => {
  const w = await start(t, { x: '1' })
  writeFileSync(w.path('odd.ddv'), '{"ddv": 9}\n')
  w.git('add', '-f', 'odd.ddv')
  w.commit()
  writeFileSync(w.path('odd.ddv'), 'text\n')
  t.match(w.git('diff'), /^-\{"ddv": 9\}\n\+text$/m)
  w.git('commit', '-q', '-am', 'ours')
  w.git('switch', '-q', '-c', 'side', 'HEAD~1')
  writeFileSync(w.path('odd.ddv'), 'other\n')
  w.git('commit', '-q', '-am', 'theirs')
  t.match(failing(w, 'merge', '-m', 'm', 'main'), /pointer is not JSON: odd\.ddv/)
  t.equal(w.git('ls-files', '--unmerged').split('\n').length, 3)
  t.match(w.git('show', 'HEAD~2', '--', 'x.ddv'), /^\+file x\n\+hash [0-9a-f]{64}\n\+size 1$/m)
})
