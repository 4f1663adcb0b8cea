// A clone with hooks installed, its git remote and its ddv remote, side by side in one directory that can be copied; and
// the oracle that looks at what a git remote holds.

import { execFile } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { digestPath } from '../../lib/core/digest.js'
import { hashBytes } from '../../lib/sys/hash.js'
import { git, gitEnv } from './git.js'
import { dist } from './program.js'
import { ddv, testEnv } from './workspace.js'

export const bundle = join(dist, 'bundle/ddv.js')

/** Where copies are cheap: a file system in memory where there is one. */
export const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

export interface Shell {
  readonly code: number
  readonly output: string
}

/** Runs a script in `directory/w`, with `ddv` and git on PATH; what it said on both outputs. */
export function shell(directory: string, script: string, env: Readonly<Record<string, string>> = {}): Promise<Shell> {
  const PATH = `${join(directory, 'bin')}:${gitEnv.PATH}`
  const all = { ...testEnv, PATH, PWD: join(directory, 'w'), ...env }
  return new Promise(resolve => {
    const options = { cwd: join(directory, 'w'), env: all, timeout: 120_000 }
    execFile('sh', ['-c', `{ ${script}\n} 2>&1`], options, (error, stdout) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout })
    })
  })
}

/** `stage PATH [NAME]`: makes data the output of a stage. With NO_PUSH it is not to be pushed. */
const stageScript = `
const fs = require("fs"), git = (...args) => require("child_process").execFileSync("git", args)
const [path, name = "prepare"] = process.argv.slice(1)
const lock = fs.existsSync("ddv.lock") ? JSON.parse(fs.readFileSync("ddv.lock")) : { ddv: 1, stages: {} }
const write = () => fs.writeFileSync("ddv.lock", JSON.stringify(lock, null, 2) + String.fromCharCode(10))
for (const { outs } of Object.values(lock.stages)) delete outs[path]
write()
require("child_process").execFileSync("ddv", ["add", "-q", path])
const { kind, hash, size, files, executable } = JSON.parse(fs.readFileSync(path + ".ddv"))
const push = process.env.NO_PUSH ? { push: false } : {}
const stage = lock.stages[name] ??= { command: {}, outs: {} }
stage.outs[path] = { kind, hash, size, files, executable, ...push }
write()
fs.rmSync(path + ".ddv")
git("rm", "-q", "--cached", "--ignore-unmatch", path + ".ddv")
git("add", "ddv.lock")`

/**
 * `w` with x and dir under ddv, pushed to `origin.git` and `data`; the branch `other` has another x. Everything names
 * everything else by relative paths.
 */
export async function makeHooked(directory: string): Promise<void> {
  mkdirSync(join(directory, 'bin'), { recursive: true })
  mkdirSync(join(directory, 'w'))
  const program = join(directory, 'bin/ddv')
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${bundle}' "$@"\n`)
  chmodSync(program, 0o755)
  const stage = join(directory, 'bin/stage')
  writeFileSync(stage, `#!/bin/sh\nexec '${process.execPath}' -e '${stageScript}' "$@"\n`)
  chmodSync(stage, 0o755)
  const made = await shell(
    directory,
    `set -e
    git init -q --bare -b main ../origin.git
    git init -q -b main . && git remote add origin ../origin.git
    ddv init -q --hooks && ddv remote add -q data ../data --default
    echo code > c.js && git add c.js && git commit -q -m init
    echo one > x && mkdir dir && echo a > dir/a && echo b > dir/b && ddv add -q x dir && git commit -q -m one
    git push -q -u origin main
    git checkout -q -b other && echo other > x && ddv add -q x && git commit -q -m other && git push -q origin other
    git checkout -q main`,
  )
  if (made.code !== 0) throw new Error(made.output)
}

export const copyHooked = (from: string, to: string): void =>
  cpSync(from, to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })

/** The refs of every bare repository there. */
export const refsOf = (directory: string): string =>
  bareOf(directory)
    .map(name => `${name}\n${git(join(directory, name), 'for-each-ref', '--format=%(refname) %(objectname)')}`)
    .join('\n')

const bareOf = (directory: string): string[] => readdirSync(directory).filter(name => name.endsWith('.git'))

interface TreeRow {
  readonly path: string
  readonly id: string
}

/** What is wrong with any commit, or tagged tree, that a git remote has: nothing, or sentences. */
export async function findBroken(directory: string): Promise<string[]> {
  const broken: string[] = []
  for (const name of bareOf(directory)) broken.push(...(await findBrokenIn(directory, name)))
  return broken
}

async function findBrokenIn(directory: string, name: string): Promise<string[]> {
  const bare = join(directory, name)
  const broken: string[] = []
  const commits = git(bare, 'rev-list', '--all').split('\n')
  const tagged = git(bare, 'for-each-ref', '--format=%(objecttype) %(objectname)').split('\n')
  const trees = tagged.flatMap(row => (row.startsWith('tree ') ? [row.slice(5)] : []))
  const pointers = new Map<string, string>()
  for (const id of [...commits, ...trees]) {
    const rows = treeRows(bare, id)
    const paths = new Set(rows.map(({ path }) => path))
    for (const { path, id: blob } of rows)
      if (path.endsWith('ddv.lock'))
        for (const out of Object.keys(outsOf(git(bare, 'cat-file', 'blob', blob))))
          paths.add(`${path.slice(0, -8)}${out}.ddv`)
    for (const { path, id: blob } of rows) {
      if (path.endsWith('.ddv') || path.endsWith('ddv.lock')) pointers.set(blob, `${id.slice(0, 8)}:${path}`)
      const parts = path.split('/')
      const covering = parts.map((_, i) => `${parts.slice(0, i + 1).join('/')}.ddv`).find(one => paths.has(one))
      if (covering !== undefined) broken.push(`${id.slice(0, 8)} has ${path} beside ${covering}`)
    }
  }
  const fresh = join(directory, `fresh-of-${name.slice(0, -4)}`)
  git(directory, 'clone', '-q', bare, fresh)
  const revisions = commits.flatMap(commit => ['--rev', commit])
  const fetched = await ddv(fresh, ['fetch', ...revisions])
  if (fetched.code !== 0) broken.push(`a fresh clone cannot fetch everything: ${fetched.stderr}`)
  for (const [blob, where] of pointers)
    for (const digest of digestsOf(git(bare, 'cat-file', 'blob', blob)))
      if (!isInCache(fresh, digest)) broken.push(`${where} names ${digest.slice(0, 8)}, which cannot be had`)
  rmSync(fresh, { recursive: true, force: true })
  return broken
}

function treeRows(bare: string, id: string): TreeRow[] {
  const listing = git(bare, 'ls-tree', '-r', '-z', id).split('\0')
  return listing.flatMap(row => {
    const [, blob = '', path = ''] = /^\d+ \w+ ([0-9a-f]+)\t(.*)$/s.exec(row) ?? []
    return path === '' ? [] : [{ path, id: blob }]
  })
}

/** Of a lock, read without ddv's own parser. */
function outsOf(text: string): Record<string, { hash: string; push?: boolean }> {
  try {
    const { stages = {} } = JSON.parse(text) as { stages?: Record<string, { outs?: object }> }
    return Object.assign({}, ...Object.values(stages).map(({ outs = {} }) => outs))
  } catch {
    return {}
  }
}

/** Likewise. */
function digestsOf(text: string): string[] {
  try {
    const pushed = Object.values(outsOf(text)).filter(({ push }) => push !== false)
    if ('stages' in (JSON.parse(text) as object)) return pushed.map(({ hash }) => hash)
    const { hash, kind, entries } = JSON.parse(text) as { hash: string; kind: string; entries?: unknown[][] }
    return kind === 'file' ? [hash] : (entries ?? []).map(row => String(row[1]))
  } catch {
    return [`no pointer: ${text.slice(0, 20)}`]
  }
}

function isInCache(root: string, digest: string): boolean {
  if (!/^[0-9a-f]{64}$/.test(digest)) return false
  const file = join(root, '.cache', digestPath(digest as Parameters<typeof digestPath>[0]))
  return existsSync(file) && hashBytes(readFileSync(file)) === digest
}
