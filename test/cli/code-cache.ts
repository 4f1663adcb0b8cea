import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { spawnProgram } from '../support/program.js'
import { temporaryDirectory } from '../support/workspace.js'

const code = `'use strict'; exports.answer = (() => { const deep = n => n === 0 ? 'fine' : deep(n - 1); return deep(3) })()`

/** A program that loads a file with the compiled code of earlier runs, and prints what it exports. */
function setUp(directory: string): { run: (env: Record<string, string>) => Promise<string>; cache: string } {
  const cache = join(directory, 'cache')
  mkdirSync(cache)
  const module = new URL('../../lib/cli/code-cache.js', import.meta.url)
  writeFileSync(join(directory, 'code.cjs'), code)
  writeFileSync(
    join(directory, 'run.mjs'),
    `import { requireCompiled } from ${JSON.stringify(module.href)}
     const file = ${JSON.stringify(join(directory, 'code.cjs'))}
     console.log(requireCompiled(file, { build: 'b1', env: process.env }).answer)`,
  )
  const run = async (env: Record<string, string>): Promise<string> => {
    const program = { script: join(directory, 'run.mjs'), main: () => Promise.resolve(0) }
    const ended = await spawnProgram(program, [], { cwd: directory, env: { HOME: '', ...env } })
    return ended.code === 0 ? ended.stdout : ended.stderr
  }
  return { run, cache }
}

t.test('a run leaves its compiled code, for this user alone, and the next one uses it', async t => {
  const directory = temporaryDirectory(t)
  const { run, cache } = setUp(directory)
  t.equal(await run({ XDG_CACHE_HOME: cache }), 'fine\n')
  const [name, ...more] = readdirSync(join(cache, 'ddv'))
  t.same(more, [])
  t.match(name, /^b1-v\d+\.\d+\.\d+-\w+\.code$/)
  const file = join(cache, 'ddv', name ?? '')
  const { mode, ino } = statSync(file)
  t.equal(mode & 0o777, 0o600)
  t.equal(await run({ XDG_CACHE_HOME: cache }), 'fine\n')
  t.equal(statSync(file).ino, ino, 'not written again')
})

t.test('what V8 does not accept, or another may have written, is not used and made anew', async t => {
  const directory = temporaryDirectory(t)
  const { run, cache } = setUp(directory)
  await run({ XDG_CACHE_HOME: cache })
  const file = join(cache, 'ddv', readdirSync(join(cache, 'ddv'))[0] ?? '')
  const good = readFileSync(file)
  for (const bad of [Buffer.alloc(0), Buffer.alloc(good.length), good.subarray(0, 100)]) {
    writeFileSync(file, bad)
    t.equal(await run({ XDG_CACHE_HOME: cache }), 'fine\n')
    t.equal(readFileSync(file).length, good.length)
  }
  chmodSync(file, 0o666)
  t.equal(await run({ XDG_CACHE_HOME: cache }), 'fine\n')
  t.equal(statSync(file).mode & 0o777, 0o600)
})

t.test('without a place for it all goes on', async t => {
  const directory = temporaryDirectory(t)
  const { run } = setUp(directory)
  const before = readdirSync(directory).sort()
  t.equal(await run({ HOME: join(directory, 'no-home') }), 'fine\n')
  t.equal(await run({ XDG_CACHE_HOME: join(directory, 'code.cjs') }), 'fine\n')
  t.equal(await run({ XDG_CACHE_HOME: 'relative' }), 'fine\n')
  t.same(readdirSync(directory).sort(), before, 'no directory was made')
})
