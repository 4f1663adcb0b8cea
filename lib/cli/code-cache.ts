// V8's compiled code of the bundle, kept between runs: without it a third of `ddv status` is the compiler's. Node keeps
// none by itself before version 22, and later in a directory that is everybody's.

import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Script } from 'node:vm'
import { systemCode } from '../core/errors.js'
import { writeFileAtomic } from '../sys/fs.js'

/** What is kept of versions that were used this long ago, in milliseconds, goes. */
const maxAge = 30 * 86_400_000

export interface CompiledOptions {
  /** Other for each content of the file: V8 itself compares no more than its length. */
  readonly build: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * `require` of a CommonJS file, by its absolute path, with the code that an earlier run compiled; where there is none this
 * run leaves it behind when the process ends. Below `$XDG_CACHE_HOME` or `~/.cache`, for this user alone; a place that
 * cannot be had is done without.
 */
export function requireCompiled(file: string, { build, env }: CompiledOptions): unknown {
  const place = cachePlace(build, env)
  const cachedData = place === undefined ? undefined : readOwn(place)
  // A function of one line, so that lines in stacks are those of the file.
  const source = `(function (exports, require, module, __filename, __dirname) { ${readFileSync(file, 'utf8')}\n})`
  const script = new Script(source, { filename: file, ...(cachedData && { cachedData }) })
  const module = { exports: {} }
  const run = script.runInThisContext() as (...args: readonly unknown[]) => void
  run.call(module.exports, module.exports, createRequire(file), module, file, dirname(file))
  if (place !== undefined && (cachedData === undefined || script.cachedDataRejected === true))
    process.once('exit', () => keep(place, script)) // by then what a command needs is compiled
  return module.exports
}

function cachePlace(build: string, env: CompiledOptions['env']): string | undefined {
  const { XDG_CACHE_HOME, HOME } = env
  const directory = XDG_CACHE_HOME?.startsWith('/') ? XDG_CACHE_HOME : HOME && join(HOME, '.cache')
  return directory && join(directory, 'ddv', `${build}-${process.version}-${process.arch}.code`)
}

/** Compiled code is a program: a file that another user may have written is not read. */
function readOwn(place: string): Buffer | undefined {
  try {
    const stat = lstatSync(place, { throwIfNoEntry: false })
    if (stat?.isFile() !== true || stat.uid !== process.getuid?.() || (stat.mode & 0o022) !== 0) return undefined
    return readFileSync(place)
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return undefined
  }
}

function keep(place: string, script: Script): void {
  const directory = dirname(place)
  try {
    // One level each, so that a home that does not exist is not made.
    for (const path of [dirname(directory), directory])
      if (lstatSync(path, { throwIfNoEntry: false }) === undefined) mkdirSync(path, { mode: 0o700 })
    for (const name of readdirSync(directory)) {
      const old = join(directory, name)
      if (name.endsWith('.code') && Date.now() - lstatSync(old).mtimeMs > maxAge) rmSync(old)
    }
    writeFileAtomic(place, script.createCachedData(), { mode: 0o600 })
  } catch (error) {
    if (systemCode(error) === undefined) throw error // no room or no right there: it stays as slow as it was
  }
}
