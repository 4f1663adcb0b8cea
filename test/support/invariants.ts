// What must hold after any fault (promises.md, "Safety"), looked at from outside: by the bytes on disk, with no help
// from ddv but its hash and the decoder of pointers.

import { createHash } from 'node:crypto'
import {
  closeSync,
  type Dirent,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Digest } from '../../lib/core/digest.js'
import { decodeLock, type Lock } from '../../lib/core/lockfile.js'
import { isFileEntry } from '../../lib/core/manifest.js'
import type { TreePath } from '../../lib/core/tree-path.js'
import { hashBytes } from '../../lib/sys/hash.js'
import { parsePointer } from '../../lib/workspace/pointers.js'

export class Violation extends Error {}

export function demand(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Violation(message)
}

/** By path: `d` for a directory, `-> target` for a link, digest and permissions for a file. */
export type Tree = ReadonlyMap<string, string>

/** Everything below the root but what is ddv's or git's own there, which has checks of its own. */
export function readTree(root: string, isSkipped: (path: string) => boolean = isOwn): Tree {
  const tree = new Map<string, string>()
  for (const [path, entry] of walk(root, isSkipped)) {
    const file = join(root, path)
    if (entry.isSymbolicLink()) tree.set(path, `-> ${readlinkSync(file)}`)
    else if (entry.isDirectory()) tree.set(path, 'd')
    else tree.set(path, `${hashFile(file)} ${(lstatSync(file).mode & 0o777).toString(8)}`)
  }
  return tree
}

/** A directory comes before what is in it. */
export function* walk(
  root: string,
  isSkipped: (path: string) => boolean = () => false,
  directory = '',
): Generator<[string, Dirent]> {
  for (const entry of readdirSync(join(root, directory), { withFileTypes: true })) {
    const path = directory === '' ? entry.name : `${directory}/${entry.name}`
    if (isSkipped(path)) continue
    yield [path, entry]
    if (entry.isDirectory()) yield* walk(root, isSkipped, path)
  }
}

/** Used again and again: a new one for each large file costs more than the hash. */
const buffer = Buffer.alloc(16 * 1024 * 1024)

function hashFile(file: string): Digest {
  const fd = openSync(file, 'r')
  try {
    let size = 0
    for (;;) {
      const count = readSync(fd, buffer, size, buffer.length - size, null)
      if (count === 0) return hashBytes(buffer.subarray(0, size))
      size += count
      if (size === buffer.length) return hashBytes(readFileSync(file))
    }
  } finally {
    closeSync(fd)
  }
}

/** What ddv and git keep for themselves; ddv's settings are everybody's and count as data. */
export const isOwn = (path: string): boolean =>
  /(^|\/)(\.git|\.cache)$/.test(path) || /(^|\/)\.ddv\/(?!config\.yaml$|\.gitignore$)[^/]+$/.test(path)

export const digestIn = (entry: string | undefined): string | undefined =>
  entry !== undefined && /^[0-9a-f]{64} /.test(entry) ? entry.slice(0, 64) : undefined

/** I2: every blob hashes to its name and is read-only. The digests that the cache really has. */
export function readCache(workspace: string): ReadonlySet<string> {
  const cache = join(workspace, '.cache')
  const found = new Set<string>()
  for (const shard of names(cache)) {
    if (shard === 'tmp' || shard === 'corrupt' || shard === 'claims' || shard === 'runs') continue
    demand(/^[0-9a-f]{2}$/.test(shard), `I2: strange name in the cache: ${shard}`)
    for (const name of names(join(cache, shard))) {
      const file = join(cache, shard, name)
      const digest = hashFile(file)
      demand(digest === shard + name, `I2: blob does not hash to its name: ${shard}/${name}`)
      demand((lstatSync(file).mode & 0o777) === 0o444, `I2: blob is not read-only: ${shard}/${name}`)
      found.add(digest)
    }
  }
  demand(names(join(cache, 'corrupt')).length === 0, 'I2: something was found corrupt')
  return found
}

/** I3: every pointer parses, and its blobs are in the cache or its recipe is on the remote. */
export function checkPointers(workspace: string, cached: ReadonlySet<string>, remote: string | undefined): void {
  for (const [path, entry] of walk(workspace, isOwn)) {
    if (!path.endsWith('.ddv') || !entry.isFile()) continue
    const pointer = pointerOf(workspace, path)
    const onRemote =
      remote !== undefined &&
      existsSync(join(remote, 'recipes', pointer.kind, pointer.hash.slice(0, 2), pointer.hash.slice(2)))
    if (onRemote) continue
    const entries = pointer.kind === 'directory' ? (pointer.entries ?? []) : []
    for (const digest of [pointer.hash, ...entries.filter(isFileEntry).map(entry => entry.digest)])
      demand(cached.has(digest), `I3: nobody has ${digest}, which the pointer names: ${path}`)
  }
}

function pointerOf(workspace: string, path: string): ReturnType<typeof parsePointer> {
  try {
    return parsePointer(readFileSync(join(workspace, path), 'utf8'), path as TreePath)
  } catch (error) {
    throw new Violation(`I3: pointer does not parse: ${path}: ${String(error)}`)
  }
}

/** I3 of stages: every lock parses, and the cache has what it says is there. */
export function checkLocks(workspace: string, cached: ReadonlySet<string>): void {
  for (const [path, entry] of walk(workspace, isOwn)) {
    if (entry.name !== 'ddv.lock' || !entry.isFile()) continue
    for (const [name, { outs }] of readLock(workspace, path))
      for (const [out, { hash, cache }] of outs)
        demand(!cache || cached.has(hash), `I3: nobody has ${hash}, which '${name}' made by its lock: ${out}`)
  }
}

function readLock(workspace: string, path: string): Lock {
  try {
    return decodeLock(readFileSync(join(workspace, path), 'utf8'), path)
  } catch (error) {
    throw new Violation(`I3: lock does not parse: ${path}: ${String(error)}`)
  }
}

/** Digests of what stages set aside until they end well: the next `repro` brings it back. */
export function readAside(workspace: string): ReadonlySet<string> {
  const aside = join(workspace, '.ddv/aside')
  if (!existsSync(aside)) return new Set()
  return new Set([...walk(aside)].filter(([, entry]) => entry.isFile()).map(([path]) => hashFile(join(aside, path))))
}

/** Of a ddv that was killed, what its stages started is killed too, but a moment later. */
export async function stagesGone(workspace: string): Promise<boolean> {
  for (let waited = 0; names('/proc').some(pid => isOfStage(pid, workspace)); waited += 10) {
    if (waited > 5000) return false
    await sleep(10)
  }
  return true
}

function isOfStage(pid: string, workspace: string): boolean {
  if (!/^\d+$/.test(pid)) return false
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`DDV_ROOT=${workspace}`)
  } catch {
    return false // gone by now, or another user's
  }
}

/** Every recipe on a directory remote names only packs that are there; every pack hashes to its name. */
export function checkRemote(remote: string): void {
  const packs = new Map<string, number>()
  for (const [name, bytes] of objects(join(remote, 'packs'))) {
    demand(hashBytes(bytes) === name, `pack on the remote does not hash to its name: ${name}`)
    packs.set(name, bytes.length)
  }
  for (const kind of ['file', 'directory'])
    for (const [name, bytes] of objects(join(remote, 'recipes', kind))) {
      const rows = bytes.toString().split('\n')
      demand(rows.pop() === '', `recipe on the remote is cut off: ${name}`)
      for (const row of rows) {
        const [tag, digest, size] = JSON.parse(row) as unknown[]
        if (tag === 'p') demand(packs.get(String(digest)) === size, `recipe ${name} names a pack that is not there`)
      }
    }
  for (const [name, bytes] of objects(join(remote, 'claims'))) {
    demand(bytes.at(-1) === 0x0a, `claim on the remote is cut off: ${name}`)
    JSON.parse(bytes.toString())
  }
}

/** Objects below a directory, their names with the shard put before. */
function* objects(directory: string): Generator<[string, Buffer]> {
  for (const name of names(directory)) {
    const path = join(directory, name)
    if (!lstatSync(path).isDirectory()) yield [name, readFileSync(path)]
    else for (const rest of names(path)) yield [name + rest, readFileSync(join(path, rest))]
  }
}

export function names(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Names of what is being written, or was when a crash came. */
export const temporaries = (workspace: string): string[] =>
  ['.cache/tmp', '.ddv/tmp'].flatMap(place => names(join(workspace, place)).map(name => `${place}/${name}`))

/** A git that outlived the killed program may still be at work; then its lock goes by itself. */
export async function gitLockGone(workspace: string): Promise<boolean> {
  for (let waited = 0; existsSync(join(workspace, '.git/index.lock')); waited += 20) {
    if (waited > 1000) return false
    await sleep(20)
  }
  return true
}

/** What git's index holds, as `git ls-files -s` says it; read here, since a git for each look would cost more than all else. */
export function gitIndex(workspace: string): string {
  const file = join(workspace, '.git/index')
  if (!existsSync(file)) return ''
  const bytes = readFileSync(file)
  const body = bytes.subarray(0, -20)
  demand(createHash('sha1').update(body).digest().equals(bytes.subarray(-20)), `git's index is damaged`)
  demand(body.toString('latin1', 0, 4) === 'DIRC' && body.readUInt32BE(4) === 2, `git's index is of another version`)
  let lines = ''
  for (let at = 12, left = body.readUInt32BE(8); left > 0; left--) {
    const [mode, id, flags] = [
      body.readUInt32BE(at + 24),
      body.toString('hex', at + 40, at + 60),
      body.readUInt16BE(at + 60),
    ]
    const end = body.indexOf(0, at + 62)
    lines += `${mode.toString(8)} ${id} ${(flags >> 12) & 3}\t${body.toString('utf8', at + 62, end)}\n`
    at += (end - at + 8) & ~7
  }
  return lines
}
