// A pipeline of real programs on real data, from the laptop to a second clone: one command each time.

import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { csvText, readFilms } from '../support/films.js'
import { git } from '../support/git.js'
import { makeWorkspace, openWorkspace, type TestWorkspace, testEnv } from '../support/workspace.js'

const root = resolve(import.meta.dirname, '../../..')
const fixture = join(root, 'fixtures/pipelines/films')
const env = { ...testEnv, PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}` }

interface Told {
  readonly stages: readonly { readonly stage: string; readonly outcome: string; readonly cached?: true }[]
}

async function repro(t: Test, w: TestWorkspace, ...flags: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await w.ddv('repro', '--json', ...flags)
  t.equal(code, 0, stderr)
  const { stages } = JSON.parse(stdout) as Told
  const words = stages.map(({ outcome, cached }) => (cached === true ? 'cached' : outcome))
  return [...new Set(words)].map(word => `${words.filter(one => one === word).length} ${word}`).join(', ')
}

const made = (w: TestWorkspace): string[] =>
  ['models/0.001.json', 'models/0.01.json', 'models/0.1.json', 'metrics/0.1.json', 'data/processed/test.csv'].map(
    path => w.read(path),
  )

t.test('prepare, train three models, evaluate them', async t => {
  const w = await makeWorkspace(t, { env })
  cpSync(fixture, w.root, { recursive: true })
  mkdirSync(w.path('data/raw'), { recursive: true })
  writeFileSync(w.path('data/raw/movies.csv'), csvText(readFilms()))
  const run = async (...argv: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await w.ddv(...argv)
    t.equal(code, 0, `${argv.join(' ')}: ${stderr}`)
    return stdout
  }
  await run('remote', 'add', 'store', '../store', '--default')
  await run('add', 'data/raw/movies.csv')

  t.equal(await repro(t, w), '7 done')
  t.equal(await repro(t, w), '7 unchanged')
  const first = made(w)
  t.match(JSON.parse(w.read('metrics/0.01.json')), { films: 542, rmse: 0.866999 }, 'the same on every machine')
  w.git('add', '-A')
  const commit = w.commit('first')
  await run('push')

  w.write({ 'params.yaml': w.read('params.yaml').replace('min_votes: 1000', 'min_votes: 2000') })
  t.match(await run('repro', '--dry-run'), /prepare: param prepare\.min_votes is 2000 \(was 1000\)/)
  t.equal(await repro(t, w), '7 done')
  t.strictNotSame(made(w), first)
  w.git('add', '-A')
  w.commit('second')

  w.git('checkout', '-q', commit)
  t.equal(await repro(t, w), '4 cached, 3 unchanged', 'git brought the metrics back')
  t.same(made(w), first)
  t.equal(w.git('status', '--porcelain'), '', 'as it was committed')

  t.test('a second clone takes it all from the remote, and runs nothing', async t => {
    git(w.root, 'clone', '-q', '.', '../clone')
    const clone = openWorkspace(t, w.path('../clone'), { ...env, PATH: process.env.PATH ?? '' })
    git(clone.root, 'checkout', '-q', commit)
    t.equal((await clone.ddv('repro', '--check')).code, 0, 'fresh, before there is any data')
    t.equal(await repro(t, clone, '--pull'), '7 unchanged')
    t.same(made(clone), first)
    t.equal(readFileSync(w.path('ddv.lock'), 'utf8'), clone.read('ddv.lock'))
    t.same(clone.git('status', '--porcelain'), '')
  })

  t.test('one whose lock is lost takes the results', async t => {
    git(w.root, 'clone', '-q', '.', '../other')
    const other = openWorkspace(t, w.path('../other'), { ...env, PATH: process.env.PATH ?? '' })
    git(other.root, 'checkout', '-q', commit)
    const lock = other.read('ddv.lock')
    other.remove('ddv.lock', 'metrics')
    await other.ddv('pull', 'data/raw')
    t.equal(await repro(t, other, '--pull'), '7 cached')
    t.same(made(other), first)
    t.equal(other.read('ddv.lock'), lock)
  })
})
