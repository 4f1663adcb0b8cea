// The example project `fixtures/imdb` in a directory of its own, with the programs that its README installs.

import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { loadProgram } from './program.js'
import { testEnv } from './workspace.js'

const top = resolve(import.meta.dirname, '../../..')

export const imdbFixture = join(top, 'fixtures/imdb')

/** Copies it there; what `npm ci` would bring is this project's own. */
export function placeImdb(directory: string): void {
  const isOwn = (file: string): boolean => !/\/node_modules(\/|$)/.test(file.slice(imdbFixture.length))
  cpSync(imdbFixture, directory, { recursive: true, filter: isOwn })
  installPrograms(directory)
}

export const installPrograms = (directory: string): void =>
  symlinkSync(join(top, 'node_modules'), join(directory, 'node_modules'))

/** For its commands: `ddv` and `tsx` can be found. The directory gets `ddv`. */
export async function imdbEnv(bin: string): Promise<Readonly<Record<string, string | undefined>>> {
  const { script } = await loadProgram()
  mkdirSync(bin, { recursive: true })
  writeFileSync(join(bin, 'ddv'), `#!/bin/sh\nexec '${process.execPath}' '${script}' "$@"\n`)
  chmodSync(join(bin, 'ddv'), 0o755)
  const programs = [bin, join(top, 'node_modules/.bin'), dirname(process.execPath), process.env.PATH]
  return { ...testEnv, PATH: programs.join(':') }
}

export interface Said {
  readonly code: number | null
  readonly said: string
}

/** One command line, as a shell takes it. */
export function type(cwd: string, line: string, env: Readonly<Record<string, string | undefined>>): Said {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', line], { cwd, env, encoding: 'utf8', timeout: 300_000 })
  return { code: status, said: `${stdout}${stderr}` }
}
