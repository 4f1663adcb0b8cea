// The directory of a directory remote: whether it is there and may be written to, the directories below it, its
// temporary files, and its clock.

import { lstat, mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DdvError, fromSystemError, systemCode } from '../core/errors.js'
import { randomName } from '../sys/random.js'
import { temporaryPrefix } from './key.js'

export interface DirectoryRootOptions {
  /** Whether an answered `put` outlives a power cut. */
  readonly fsync: boolean
  /**
   * For whoever comes to write. A root that is not there then is an empty remote, which the first `put` makes if its
   * parent is there, and ages are by the file system's own clock, which takes a probe file to read. Without it nothing
   * is written but what `put` is asked to, and a root that is not there is the error `remote`: it may be a disk that
   * is not mounted.
   */
  readonly write?: boolean
  /** The local clock, in milliseconds. */
  readonly now?: () => number
}

export interface DirectoryRoot {
  readonly path: string
  readonly fsync: boolean
  /** Throws `remote` where the root is not there and should be. */
  check(): Promise<void>
  /** Before a put: makes the root, refuses one that holds something else, clears up after crashed puts. Once. */
  prepare(): Promise<void>
  /** A path for a new temporary file. */
  temporary(): string
  /** Makes a directory below the root, and its name durable. */
  makeDirectory(directory: string): Promise<void>
  /** The file system's clock, in milliseconds. */
  now(): Promise<number>
}

/** The first key of every remote that ddv makes (see FORMAT.md). */
const markerKey = 'ddv.json'

const day = 86_400_000
const temporaryName = /^put-[0-9a-f]{16}$/

export function openDirectoryRoot(path: string, options: DirectoryRootOptions): DirectoryRoot {
  const { fsync, write = false, now = Date.now } = options
  const temporaries = join(path, temporaryPrefix)
  const temporary = (): string => join(temporaries, `put-${randomName()}`)
  const made = new Map<string, Promise<void>>()
  const offset = once(() => (write ? clockOffset(temporaries, temporary(), now) : Promise.resolve(0)))

  // Also where the directory is there already: whoever made it may not have come to its fsync yet.
  const make = async (directory: string): Promise<void> => {
    await makeDirectory(dirname(directory))
    await mkdir(directory).catch(ignore('EEXIST'))
    if (fsync) await syncNames(dirname(directory))
  }
  const makeDirectory = (directory: string): Promise<void> => {
    if (directory === path) return Promise.resolve()
    const running = made.get(directory) ?? make(directory)
    made.set(directory, running)
    running.catch(() => made.delete(directory))
    return running
  }
  const prepare = once(async () => {
    try {
      if ((await isDirectory(path)) === false) await makeRoot(path, options)
      await refuseForeign(path)
      await makeDirectory(temporaries)
      await removeOldTemporaries(temporaries, now() + (await offset()) - day)
    } catch (error) {
      throw fromSystemError(error, path)
    }
  })
  return {
    path,
    fsync,
    async check() {
      if (!(await isDirectory(path)) && !(write && (await isDirectory(dirname(path))))) throw absentRoot(path)
    },
    prepare,
    temporary,
    makeDirectory,
    now: async () => now() + (await offset()),
  }
}

/** Runs once for all callers; again only after a failure. */
function once<T>(act: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined
  return () => {
    running ??= act().catch(error => {
      running = undefined
      throw error
    })
    return running
  }
}

const absentRoot = (path: string): DdvError =>
  new DdvError('remote', `remote directory does not exist: ${path}`, {
    hint: 'is the disk mounted? if the remote is new, `ddv push` makes it where its parent directory is there',
  })

async function isDirectory(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw fromSystemError(error, path)
  }
  throw new DdvError('remote', `the remote is not a directory: ${path}`)
}

async function makeRoot(path: string, { fsync, write }: DirectoryRootOptions): Promise<void> {
  if (!write || !(await isDirectory(dirname(path)))) throw absentRoot(path)
  await mkdir(path).catch(ignore('EEXIST'))
  if (fsync) await syncNames(dirname(path))
}

// The marker is looked for again after the listing: another push may have written it, and more, in between. It is
// always written first.
async function refuseForeign(path: string): Promise<void> {
  const names = await readdir(path)
  if (names.includes(markerKey) || names.every(name => name === temporaryPrefix)) return
  if ((await lstat(join(path, markerKey)).catch(ignore('ENOENT'))) !== undefined) return
  throw new DdvError('remote', `the directory is not empty and not a remote of ddv: ${path}`, {
    hint: 'name a new or an empty directory',
  })
}

/** Removes what puts that crashed left here: written before this time, in milliseconds. A put that still runs is younger. */
export async function removeOldTemporaries(directory: string, before: number): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!temporaryName.test(name)) continue
    const path = join(directory, name)
    const found = await lstat(path).catch(ignore('ENOENT'))
    if (found !== undefined && found.mtimeMs < before) await rm(path, { force: true })
  }
}

/** Makes the names in a directory durable. Windows cannot open directories and needs none of it. */
export async function syncNames(directory: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Milliseconds by which the file system's clock (a server's, perhaps) is ahead; 0 where no probe can be written. */
async function clockOffset(directory: string, probe: string, now: () => number): Promise<number> {
  try {
    await mkdir(directory).catch(ignore('EEXIST'))
    const before = now()
    const file = await open(probe, 'wx')
    try {
      const { mtimeMs } = await file.stat()
      return mtimeMs - (before + now()) / 2
    } finally {
      await file.close()
      await rm(probe, { force: true })
    }
  } catch {
    return 0
  }
}

/** For `catch`: undefined for this error, which is none here. */
function ignore(code: string): (error: unknown) => undefined {
  return error => {
    if (systemCode(error) !== code) throw error
  }
}
