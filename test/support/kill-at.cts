// Preloaded into a program under test (`NODE_OPTIONS=--require=…/kill-at.cjs`): the program kills itself by SIGKILL right
// before its K-th call that changes something outside of it. Worker threads load it too and share one count.
//
//     DDV_TEST_KILL_AT=K          which call; stderr then names it
//     DDV_TEST_KILL_TORN=1        if that call writes bytes, half of them are written first
//     DDV_TEST_KILL_LIST=FILE     gets a line for each call, in order: its number, `half` where it writes bytes or
//                                 `whole` where it does not, a digest of all that it met, its name, its paths
//     DDV_TEST_KILL_ROOT=DIR      where the program does all its work
//
// What LMDB does by itself is not counted: it never calls into Node for it, and promises to survive.

import childProcess = require('node:child_process')
import crypto = require('node:crypto')
import fs = require('node:fs')
import nodeModule = require('node:module')
import util = require('node:util')
import workers = require('node:worker_threads')

type Call = (...args: unknown[]) => unknown
type Calls = Record<string, unknown>

const key = 'ddv.test.kill-at'
const shared = workers.isMainThread ? new SharedArrayBuffer(4) : (workers.getEnvironmentData(key) as SharedArrayBuffer)
if (workers.isMainThread) workers.setEnvironmentData(key, shared as unknown as workers.Serializable)
const count = new Int32Array(shared)
const killAt = Number(process.env.DDV_TEST_KILL_AT ?? 0)
const torn = process.env.DDV_TEST_KILL_TORN === '1'
const listFile = process.env.DDV_TEST_KILL_LIST
const root = process.env.DDV_TEST_KILL_ROOT ?? ''

const { openSync, readSync, readlinkSync, writeSync, closeSync, statSync, writeFileSync } = fs
const list = listFile === undefined ? undefined : openSync(listFile, 'a')

/** Counts one call. `tear` does half of it. */
function point(name: string, args: readonly unknown[], tear?: () => void): void {
  const number = Atomics.add(count, 0, 1) + 1
  if (list !== undefined)
    writeSync(list, `${number} ${tear === undefined ? 'whole' : 'half'} ${met()} ${name} ${shown(args.map(named))}\n`)
  if (number !== killAt) return
  if (torn) tear?.()
  writeSync(2, `kill-at ${killAt}${torn && tear !== undefined ? ' (torn)' : ''}: ${name} ${shown(args)}\n`)
  process.kill(process.pid, 'SIGKILL')
}

/** Larger files are known by their times: a program that writes a large one writes it once. */
const readLimit = 262_144

/** Says all of what is on disk: names, kinds, permissions, times, content. Never the same where it changes meanwhile. */
function met(): string {
  const hash = crypto.createHash('sha1')
  const look = (directory: string): void => {
    for (const name of fs.readdirSync(directory).sort()) {
      const path = `${directory}/${name}`
      const stat = fs.lstatSync(path, { bigint: true })
      const { ino, mode, size, mtimeNs, ctimeNs } = stat
      hash.update(`${path}\0${ino} ${mode} ${size} ${mtimeNs} ${ctimeNs}\0`)
      if (stat.isDirectory()) look(path)
      else if (stat.isFile() && size <= readLimit) hash.update(fs.readFileSync(path))
    }
  }
  try {
    look(root)
    return hash.digest('hex')
  } catch {
    return crypto.randomUUID() // of several threads another is at work
  }
}

function shown(args: readonly unknown[]): string {
  const names = args.flatMap(arg => {
    if (typeof arg === 'number') return [String(arg)]
    if (typeof arg === 'string') return [arg.slice(0, 300)]
    return Array.isArray(arg) ? arg.filter(part => typeof part === 'string') : []
  })
  return names.join(' ')
}

/** An open file's path instead of its number, where that can be known. */
function named(arg: unknown, at: number): unknown {
  if (at > 0 || typeof arg !== 'number') return arg
  try {
    return readlinkSync(`/proc/self/fd/${arg}`)
  } catch {
    return arg
  }
}

/** The function with something before it; what `promisify` looks for on it stays. */
function wrap(owner: Calls, name: string, before: (args: readonly unknown[], owner: unknown) => void): void {
  const original = owner[name]
  if (typeof original !== 'function') return
  const call = original as Call
  const wrapped = function (this: unknown, ...args: unknown[]): unknown {
    before(args, this)
    return call.apply(this, args)
  }
  const properties: Record<PropertyKey, PropertyDescriptor> = Object.getOwnPropertyDescriptors(call)
  const promised: unknown = properties[util.promisify.custom]?.value
  if (typeof promised === 'function')
    properties[util.promisify.custom] = {
      value: (...args: unknown[]): unknown => {
        before(args, undefined)
        return (promised as Call)(...args)
      },
    }
  Object.defineProperties(wrapped, properties)
  owner[name] = wrapped
}

const { O_WRONLY, O_RDWR, O_CREAT, O_TRUNC } = fs.constants
const changes = (flags: unknown): boolean =>
  typeof flags === 'number'
    ? (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) !== 0
    : typeof flags === 'string' && /[wa+]/.test(flags)

/** The bytes that a call `write(fd, bytes, …)` is about to write, with their place; undefined for what has no half. */
function half(args: readonly unknown[]): { bytes: Uint8Array; position: number | null } | undefined {
  const [data, second, third, fourth] = args
  if (typeof data === 'string') {
    const bytes = Buffer.from(data)
    return { bytes: bytes.subarray(0, bytes.length >> 1), position: typeof second === 'number' ? second : null }
  }
  if (!ArrayBuffer.isView(data)) return undefined
  const named = typeof second === 'object' && second !== null ? (second as Record<string, unknown>) : undefined
  const offset = Number(named?.offset ?? (typeof second === 'number' ? second : 0))
  const length = Number(named?.length ?? (typeof third === 'number' ? third : data.byteLength - offset))
  const position = named?.position ?? fourth
  return {
    bytes: Buffer.from(data.buffer, data.byteOffset + offset, length >> 1),
    position: typeof position === 'number' ? position : null,
  }
}

function tearWrite(fd: number, args: readonly unknown[]): void {
  const part = half(args)
  if (part !== undefined) writeSync(fd, part.bytes, 0, part.bytes.length, part.position)
}

function tearFile(file: unknown, data: unknown): void {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data
  if (typeof file === 'string' && ArrayBuffer.isView(bytes))
    writeFileSync(file, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1))
}

// A clone is whole or not at all; any other copy may be cut anywhere.
function tearCopy([from, to, mode]: readonly unknown[]): void {
  if (typeof from !== 'string' || typeof to !== 'string') return
  if (typeof mode === 'number' && (mode & fs.constants.COPYFILE_FICLONE_FORCE) !== 0) return
  const bytes = Buffer.alloc(statSync(from).size >> 1)
  const source = openSync(from, 'r')
  readSync(source, bytes, 0, bytes.length, 0)
  closeSync(source)
  writeFileSync(to, bytes)
}

const plain = [
  ...['mkdir', 'mkdtemp', 'rm', 'rmdir', 'unlink', 'rename', 'link', 'symlink', 'cp', 'chmod', 'fchmod', 'lchmod'],
  ...['chown', 'fchown', 'lchown', 'truncate', 'ftruncate', 'utimes', 'futimes', 'lutimes', 'fsync', 'fdatasync'],
]

function patchFileSystem(owner: Calls, suffix: '' | 'Sync'): void {
  for (const name of plain) wrap(owner, name + suffix, args => point(name + suffix, args))
  wrap(owner, `open${suffix}`, args => {
    if (changes(args[1])) point(`open${suffix}`, args)
  })
  for (const name of ['write', 'writev'])
    wrap(owner, name + suffix, args => {
      const fd = Number(args[0])
      if (fd > 2) point(name + suffix, args, () => tearWrite(fd, args.slice(1)))
    })
  for (const name of ['writeFile', 'appendFile'])
    wrap(owner, name + suffix, args => point(name + suffix, args.slice(0, 1), () => tearFile(args[0], args[1])))
  wrap(owner, `copyFile${suffix}`, args => point(`copyFile${suffix}`, args, () => tearCopy(args)))
}

// Its class is not exported: it shows with the first handle.
let handles = false
function patchHandle(handle: fs.promises.FileHandle): void {
  if (handles) return
  handles = true
  const prototype = Object.getPrototypeOf(handle) as Calls
  for (const name of ['writev', 'truncate', 'utimes', 'chmod', 'chown', 'sync', 'datasync'])
    wrap(prototype, name, (args, handle) =>
      point(`FileHandle.${name}`, [(handle as fs.promises.FileHandle).fd, ...args]),
    )
  for (const name of ['write', 'writeFile', 'appendFile']) {
    const call = prototype[name] as Call
    prototype[name] = function (this: fs.promises.FileHandle, ...args: unknown[]): unknown {
      point(`FileHandle.${name}`, [this.fd], () => tearWrite(this.fd, args))
      return call.apply(this, args)
    }
  }
}

function patchPromises(): void {
  const promises = fs.promises as unknown as Calls
  patchFileSystem(promises, '')
  const open = promises.open as Call
  promises.open = async (...args: unknown[]): Promise<unknown> => {
    const handle = (await open(...args)) as fs.promises.FileHandle
    patchHandle(handle)
    return handle
  }
}

if (killAt > 0 || list !== undefined) {
  const disk = fs as unknown as Calls
  patchFileSystem(disk, '')
  patchFileSystem(disk, 'Sync')
  patchPromises()
  const children = childProcess as unknown as Calls
  for (const name of ['spawn', 'spawnSync', 'execFile', 'execFileSync', 'fork'])
    wrap(children, name, args => point(name, args))
  nodeModule.syncBuiltinESMExports()
}
