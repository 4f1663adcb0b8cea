// `npm run demo`: the main job on real input, as a person would type it, in a temporary directory. It ends with what was
// verified, and with exit code 1 at the first thing that is not as it should be.

import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { csvText, type Film, readFilms } from '../support/films.js'
import { openSession, readTree, sameTree } from './session.js'

const session = openSession()
const { top, say, run, type, verify } = session
const laptop = join(top, 'laptop')
const elsewhere = join(top, 'elsewhere')

const commit = (cwd: string, message: string): string => type(cwd, ['git', 'commit', '-q', '-m', message])

/** One small file a film, in a directory a genre. */
function writeCards(directory: string, films: readonly Film[]): void {
  films.slice(0, 500).forEach((film, i) => {
    const genre = String(film['Major Genre'] ?? 'Unknown').replaceAll('/', '-')
    mkdirSync(join(directory, genre), { recursive: true })
    writeFileSync(join(directory, genre, `film ${i}.json`), `${JSON.stringify(film, null, 1)}\n`)
  })
}

const dataOf = (clone: string): Map<string, Buffer> =>
  new Map([...readTree(join(clone, 'data'))].filter(([path]) => !/\.ddv$|\.gitignore$/.test(path)))

function firstVersion(films: readonly Film[]): Map<string, Buffer> {
  say('A person makes data on a laptop and tracks it.')
  mkdirSync(join(laptop, 'data/raw'), { recursive: true })
  run(laptop, 'git init -q -b main')
  run(laptop, 'git config user.name Demo')
  run(laptop, 'git config user.email demo@example.org')
  writeFileSync(join(laptop, 'data/raw/movies.csv'), csvText(films))
  writeCards(join(laptop, 'data/cards'), films)
  run(laptop, 'ddv init')
  run(laptop, 'ddv remote add storage ../bucket --default')
  run(laptop, 'ddv add data/raw/movies.csv data/cards')
  const added = JSON.parse(run(laptop, 'ddv add data/raw/movies.csv --json')) as { outputs: { hash: string }[] }
  run(laptop, 'git status --short')
  commit(laptop, 'films, first version')
  run(laptop, 'ddv push')
  const pointer = JSON.parse(readFileSync(join(laptop, 'data/raw/movies.csv.ddv'), 'utf8')) as { hash: string }
  verify('the pointer in git names the digest that `ddv add --json` printed', pointer.hash === added.outputs[0]?.hash)
  const tracked = run(laptop, 'git ls-files data').trim().split('\n')
  verify(
    'git tracks pointers and no data',
    tracked.every(path => /\.ddv$|\.gitignore$/.test(path)),
  )
  return dataOf(laptop)
}

function cloneAndCompare(original: ReadonlyMap<string, Buffer>): void {
  say('Somebody else clones and pulls.')
  run(top, 'git clone -q laptop elsewhere')
  run(elsewhere, 'ddv pull')
  run(elsewhere, 'ddv status')
  verify(`the clone has the same ${original.size} files, byte by byte`, sameTree(original, dataOf(elsewhere)))
}

function secondVersion(films: readonly Film[]): Map<string, Buffer> {
  say('The data changes: one film more, near the top; one card changed, one gone.')
  const rating = { 'IMDB Rating': 8.2, 'IMDB Votes': 1 }
  const changed = [
    films[0] as Film,
    { ...(films[0] as Film), Title: 'A film that was forgotten', ...rating },
    ...films.slice(1),
  ]
  writeFileSync(join(laptop, 'data/raw/movies.csv'), csvText(changed))
  const cards = [...readTree(join(laptop, 'data/cards')).keys()]
  writeFileSync(join(laptop, 'data/cards', cards[0] as string), '{}\n')
  rmSync(join(laptop, 'data/cards', cards[1] as string))
  run(laptop, 'ddv status')
  run(laptop, 'ddv add data/raw/movies.csv data/cards')
  commit(laptop, 'films, second version')
  const size = statSync(join(laptop, 'data/raw/movies.csv')).size
  const pushed = JSON.parse(run(laptop, 'ddv push --json')) as { bytesSent: number }
  verify(`of a file of ${size} bytes the second push sent ${pushed.bytesSent}`, pushed.bytesSent < size / 4)
  const again = JSON.parse(run(laptop, 'ddv push --json')) as { bytesSent: number }
  verify('pushing again sends no data', again.bytesSent === 0)
  return dataOf(laptop)
}

function thereAndBack(first: ReadonlyMap<string, Buffer>, second: ReadonlyMap<string, Buffer>): void {
  say('The other clone goes on to the second version, and back to the first.')
  run(elsewhere, 'git pull -q')
  run(elsewhere, 'ddv pull')
  verify('the clone has the second version, byte by byte', sameTree(second, dataOf(elsewhere)))
  run(elsewhere, 'git checkout -q HEAD~1')
  run(elsewhere, 'ddv checkout')
  verify('back at the first commit its data is back, byte by byte', sameTree(first, dataOf(elsewhere)))
}

await session.play(() => {
  const films = readFilms()
  const first = firstVersion(films)
  cloneAndCompare(first)
  const second = secondVersion(films)
  thereAndBack(first, second)
})
