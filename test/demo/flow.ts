// `npm run demo:flow`: the example project `fixtures/imdb` from the warehouse to a served model, and back: what a person
// types in development, and what runs in production when it is pushed, in a temporary directory.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { installPrograms, placeImdb } from '../support/imdb.js'
import { openSession, readTree, sameTree } from './session.js'

const programs = resolve(import.meta.dirname, '../../../node_modules/.bin')
const session = openSession({ programs: [programs] })
const { top, say, run, type, verify } = session
const development = join(top, 'development')

interface Version {
  readonly commit: string
  /** What the commit stands for: the data, the models made of it, and how good they are. */
  readonly results: ReadonlyMap<string, Buffer>
}

const resultsOf = (root: string): Map<string, Buffer> =>
  new Map(
    ['data/raw', 'data/processed', 'models', 'model', 'metrics'].flatMap(directory =>
      [...readTree(join(root, directory))]
        .filter(([path]) => !/\.ddv$|\.gitignore$/.test(path))
        .map(([path, bytes]) => [join(directory, path), bytes] as const),
    ),
  )

function makeProject(): void {
  say('A project: code in git, data under ddv. Its warehouse, its storage and its lake are other places.')
  run(top, 'git init -q --bare -b main origin.git')
  run(top, 'git clone -q origin.git development')
  placeImdb(development)
  run(development, 'git switch -q -c main')
  run(development, 'git config user.name Demo')
  run(development, 'git config user.email demo@example.org')
  run(development, 'ddv init --hooks')
  run(development, 'git add -A')
  type(development, ['git', 'commit', '-q', '-m', 'the project'])
}

/** Extract, validate, load, and a model to look at; data and code are committed together, and pushed together. */
function develop(what: string, batch: number): Version {
  say(`Development: ${what}.`)
  run(development, `tsx warehouse/make.ts --batch ${batch}`)
  if (batch > 1) type(development, ['sed', '-i', `s/batch: ${batch - 1}/batch: ${batch}/`, 'params.yaml'])
  run(development, 'ddv repro')
  run(development, 'cat data/raw/movies.csv.ddv')
  run(development, 'git add -A')
  type(development, ['ddv', 'commit', '-m', what])
  run(development, 'git push -q -u origin main')
  const commit = run(development, 'git rev-parse HEAD').trim()
  checkTracked(what)
  return { commit, results: resultsOf(development) }
}

function checkTracked(what: string): void {
  const raw = readFileSync(join(development, 'data/raw/movies.csv'))
  const { hash } = JSON.parse(readFileSync(join(development, 'data/raw/movies.csv.ddv'), 'utf8')) as { hash: string }
  const blob = readFileSync(join(development, '.cache', hash.slice(0, 2), hash.slice(2)))
  verify(`${what}: the pointer in git names the blob of the raw table`, blob.equals(raw))
  verify(`${what}: the lake has the same bytes`, readFileSync(join(top, 'lake/raw/movies.csv')).equals(raw))
  const tracked = run(development, 'git ls-files data models model').trim().split('\n')
  verify(
    `${what}: git tracks pointers and no data`,
    tracked.every(path => /\.ddv$|\.gitignore$/.test(path)),
  )
}

interface Deployment {
  readonly root: string
  readonly env: Readonly<Record<string, string>>
}

/** As an image has it: the files of one commit, and no git. */
function checkOut(commit: string, name: string): Deployment {
  const root = join(top, name)
  mkdirSync(root)
  run(top, `git -C origin.git archive --output=../commit.tar ${commit}`)
  run(root, 'tar -xf ../commit.tar')
  installPrograms(root)
  return { root, env: { DDV_ENV: 'production', DDV_REV: commit } }
}

/** Pull, validate, prepare, train, evaluate, validate the model, register; then serve from the registry. */
async function produce(what: string, { commit, results }: Version): Promise<string> {
  say(`Production, by the push of ${commit.slice(0, 7)}: it pulls what this commit names, and never adds or pushes.`)
  const { root, env } = checkOut(commit, `production-${commit.slice(0, 7)}`)
  run(root, 'ddv pull', { env })
  verify(`${what}: production pulled what development has, byte by byte`, sameTree(results, resultsOf(root)))
  run(root, 'ddv repro --force', { env })
  verify(`${what}: made again in production, it is the same, byte by byte`, sameTree(results, resultsOf(root)))
  run(root, 'ddv add data/raw/movies.csv', { env, code: 15 })
  run(root, 'ddv push', { env, code: 15 })
  verify(`${what}: production may neither add nor push`, true)
  run(root, 'ddv registry show imdb', { env })
  const got = JSON.parse(run(root, 'ddv get . imdb#production --out served --json', { env })) as {
    model: { version: string }
  }
  const { version } = got.model
  verify(
    `${what}: the registered model is that of the commit`,
    sameTree(readTree(join(root, 'served')), readTree(join(root, 'model'))),
  )
  await serve(what, { root, env }, version)
  return version
}

async function serve(what: string, { root, env }: Deployment, version: string): Promise<void> {
  const words = `--import tsx serve/main.ts --model served/model.json --version ${version} --port 0`
  console.log(`\n${relative(top, root)}$ node ${words} &`)
  const server = spawn(process.execPath, words.split(' '), {
    cwd: root,
    env: { ...session.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const url = await urlOf(server)
    const film = JSON.stringify({ title: 'The Return of the Killer Tomatoes', genre: 'Horror' })
    const said = type(root, ['curl', '-sS', '-d', film, `${url}/predict`])
    const { liked, probability, version: by } = JSON.parse(said) as Record<string, unknown>
    verify(
      `${what}: version ${version} is served, and says how likely a film is to be liked (${probability})`,
      typeof liked === 'boolean' && Number(probability) > 0 && Number(probability) < 1 && by === version,
    )
    type(root, ['curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}', '-d', '{}', `${url}/predict`])
  } finally {
    server.kill()
    await once(server, 'exit')
  }
}

async function urlOf(server: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: server.stdout as Readable })) {
    console.log(`  ${line}`)
    const [, url] = / on (http:\S+)/.exec(line) ?? []
    if (url !== undefined) return url
  }
  throw new Error('the server ended')
}

function goBack({ commit, results }: Version): void {
  say('Back to the first commit: in development, and in a place that has never seen it.')
  run(development, `git switch -q --detach ${commit}`)
  run(development, 'ddv checkout')
  verify('back in development: data, models and metrics of the first commit', sameTree(results, resultsOf(development)))
  run(development, 'ddv repro --check')
  const { root, env } = checkOut(commit, 'elsewhere')
  run(root, 'ddv pull', { env })
  verify('back in production: data, models and metrics of the first commit', sameTree(results, resultsOf(root)))
}

await session.play(async () => {
  makeProject()
  const first = develop('the first films', 1)
  const one = await produce('the first films', first)
  const second = develop('more films', 2)
  verify('more films are other data and another model', !sameTree(first.results, second.results))
  const two = await produce('more films', second)
  verify(`two commits, two versions of the model: ${one} and ${two}`, one !== two)
  goBack(first)
})
