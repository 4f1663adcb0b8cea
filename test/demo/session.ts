// A session at a terminal, as a demo shows it: each command as a person would type it, with its answer, in a temporary
// directory. It ends with what was verified, and with exit code 1 at the first thing that is not as it should be.

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, relative, resolve } from 'node:path'

const program = resolve(import.meta.dirname, '../../bundle/ddv.js')

export type Variables = Readonly<Record<string, string>>

export interface TypeOptions {
  /** What it ends with. */
  readonly code?: number
  /** Shown before the command. */
  readonly env?: Variables
}

export interface Session {
  /** Everything happens below it. */
  readonly top: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** For people. */
  say(text: string): void
  /** Runs a command of plain words, shows it with its answer, and gives back its stdout. */
  run(cwd: string, line: string, options?: TypeOptions): string
  /** The same, of words that are not all plain. */
  type(cwd: string, words: readonly string[], options?: TypeOptions): string
  /** Throws where it is not so; what is so is told at the end. */
  verify(what: string, isSo: boolean): void
  /** The whole of it: tells at the end what was verified or what failed, and clears up. */
  play(work: () => void | Promise<void>): Promise<void>
}

/** `programs`: directories of programs that commands may be of, beside those of everybody. */
export function openSession({ programs = [] }: { readonly programs?: readonly string[] } = {}): Session {
  const top = realpathSync(mkdtempSync(join(tmpdir(), 'ddv-demo-')))
  const bin = join(top, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'ddv'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`)
  chmodSync(join(bin, 'ddv'), 0o755)
  const env = {
    PATH: [bin, ...programs, process.env.PATH].join(delimiter),
    HOME: top, // neither the settings of whoever runs this, nor theirs changed
    GIT_CONFIG_NOSYSTEM: '1',
    LC_ALL: 'C.UTF-8',
  }
  const verified: string[] = []
  const type: Session['type'] = (cwd, words, { code = 0, env: more = {} } = {}) => {
    const line = [...Object.entries(more).map(([name, value]) => `${name}=${value}`), ...words.map(quoted)].join(' ')
    console.log(`\n${relative(top, cwd)}$ ${line}`)
    const [name = '', ...args] = words
    const result = spawnSync(name, args, { cwd, env: { ...env, ...more }, encoding: 'utf8' })
    const said = `${result.stdout}${result.stderr}`.trimEnd()
    if (said !== '') console.log(said.replace(/^/gm, '  '))
    if (result.error !== undefined) throw result.error
    if (result.status !== code)
      throw new Error(`ended with ${result.status ?? result.signal}, expected ${code}: ${line}`)
    return result.stdout
  }
  return {
    ...{ top, env, type },
    say: text => console.log(`\n# ${text}`),
    run: (cwd, line, options) => type(cwd, line.split(' '), options),
    verify: (what, isSo) => {
      if (!isSo) throw new Error(`not so: ${what}`)
      verified.push(what)
    },
    play: async work => {
      try {
        await work()
        console.log(`\nVerified:\n${verified.map(what => `  - ${what}`).join('\n')}`)
      } catch (error) {
        console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`)
        process.exitCode = 1
      } finally {
        rmSync(top, { recursive: true, force: true })
      }
    },
  }
}

const quoted = (word: string): string => (/^[\w./:=@%+,~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)

/** Every file below, by path, with its bytes. */
export function readTree(directory: string): Map<string, Buffer> {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()
  return new Map(
    files
      .filter(file => statSync(join(directory, file)).isFile())
      .map(file => [file, readFileSync(join(directory, file))]),
  )
}

export const sameTree = (a: ReadonlyMap<string, Buffer>, b: ReadonlyMap<string, Buffer>): boolean =>
  a.size === b.size && [...a].every(([path, bytes]) => b.get(path)?.equals(bytes) === true)
