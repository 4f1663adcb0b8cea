// A remote in a directory: a key is a file's path below the root. A put is a temporary file in `<root>/tmp/`, made
// durable and then renamed, so that readers on any machine see the whole of it or nothing, and a crash leaves only a
// temporary file, which no listing shows and a later put cleans up.
//
// Symbolic links, pipes and whatever else is not a regular file are not objects: a stranger may have put them there.

import { constants, type Dirent, type Stats } from 'node:fs'
import { type FileHandle, link, lstat, open, readdir, rename, rm, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DdvError, fromSystemError, systemCode, throwIfAborted } from '../core/errors.js'
import { type DirectoryRoot, type DirectoryRootOptions, openDirectoryRoot, syncNames } from './directory-root.js'
import { checkKey, checkPrefix, isKey, isKeySegment } from './key.js'
import { rangeWithin, roomFor } from './range.js'
import type { Creation, GetOptions, Key, ObjectBytes, ObjectEntry, ObjectStat, Remote } from './remote.js'
import { openSlots } from './slots.js'

export interface DirectoryRemoteOptions extends DirectoryRootOptions {
  /** As the user configured it, for messages; the path unless told. */
  readonly url?: string
}

/** Files that a listing looks at side by side. */
const listBatch = 64
/** Files open at once, however many calls are made: far below what systems allow. */
const maxOpenFiles = 64

// A pipe must not be waited for, a link not be followed. Windows has neither flag.
const openFlags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/** Touches nothing yet; `path` is absolute. */
export function openDirectoryRemote(path: string, options: DirectoryRemoteOptions): Remote {
  const root = openDirectoryRoot(path, options)
  const slots = openSlots(maxOpenFiles)
  return {
    url: options.url ?? path,
    async stat(key, { signal } = {}) {
      checkKey(key)
      throwIfAborted(signal)
      const stat = await orAbsent(root, key, file => lstat(file))
      return stat?.isFile() ? objectStat(root, stat) : undefined
    },
    async get(key, getOptions) {
      checkKey(key)
      return slots(async () => {
        throwIfAborted(getOptions.signal)
        const file = await orAbsent(root, key, file => open(file, openFlags))
        return file && readObject(root, file, { ...getOptions, key })
      })
    },
    async put(key, bytes, { signal } = {}) {
      checkKey(key)
      throwIfAborted(signal)
      await root.prepare()
      await slots(() => putObject(root, key, { bytes, signal }))
    },
    async create(key, bytes, { signal } = {}) {
      checkKey(key)
      throwIfAborted(signal)
      await root.prepare()
      return slots(() => createObject(root, key, { bytes, signal }))
    },
    async *list(prefix, { signal } = {}) {
      checkPrefix(prefix)
      yield* listObjects(root, prefix, signal)
    },
    async remove(key, { signal } = {}) {
      checkKey(key)
      throwIfAborted(signal)
      await orAbsent(root, key, file => unlink(file))
    },
    async close() {},
  }
}

/** undefined where there is no such file, but an error where that is because the whole remote is not there. */
async function orAbsent<T>(
  root: DirectoryRoot,
  key: string,
  act: (file: string) => Promise<T>,
): Promise<T | undefined> {
  const file = join(root.path, key)
  try {
    return await act(file)
  } catch (error) {
    if (!absentCodes.has(systemCode(error) ?? '')) throw fromSystemError(error, file)
    await root.check()
    return undefined
  }
}

// A directory or a file on the way, or a link that is not followed, is no object either.
const absentCodes: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP'])

async function objectStat(root: DirectoryRoot, stat: Stats): Promise<ObjectStat> {
  return { size: stat.size, age: Math.max(0, (await root.now()) - stat.mtimeMs) }
}

interface ReadOptions extends GetOptions {
  readonly key: Key
}

async function readObject(
  root: DirectoryRoot,
  file: FileHandle,
  options: ReadOptions,
): Promise<ObjectBytes | undefined> {
  const { key, signal } = options
  try {
    const stat = await file.stat()
    if (!stat.isFile()) return undefined
    const { offset, length } = rangeWithin(stat.size, key, options)
    const bytes = roomFor(length, options)
    for (let at = 0; at < length; ) {
      throwIfAborted(signal)
      const { bytesRead } = await file.read(bytes, at, length - at, offset + at)
      // Puts only rename: nobody but a stranger makes a file shorter.
      if (bytesRead === 0)
        throw new DdvError('corrupt', `a file of the remote became shorter while it was read: ${key}`)
      at += bytesRead
    }
    return { ...(await objectStat(root, stat)), bytes }
  } catch (error) {
    throw fromSystemError(error, join(root.path, key))
  } finally {
    await file.close()
  }
}

interface PutOptions {
  readonly bytes: Uint8Array
  readonly signal: AbortSignal | undefined
}

async function putObject(root: DirectoryRoot, key: Key, options: PutOptions): Promise<void> {
  const temporary = root.temporary()
  const file = join(root.path, key)
  try {
    await writeNew(root, temporary, options)
    await root.makeDirectory(dirname(file))
    await rename(temporary, file)
    if (root.fsync) await syncNames(dirname(file))
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined) // the error at hand tells more
    throw fromSystemError(error, file)
  }
}

/** A link takes no name that another has, and what it gives a name to is whole. */
async function createObject(root: DirectoryRoot, key: Key, options: PutOptions): Promise<Creation> {
  const temporary = root.temporary()
  const file = join(root.path, key)
  try {
    await writeNew(root, temporary, options)
    await root.makeDirectory(dirname(file))
    await link(temporary, file)
    if (root.fsync) await syncNames(dirname(file))
    return 'created'
  } catch (error) {
    const code = systemCode(error) ?? ''
    if (code === 'EEXIST') return 'exists'
    if (withoutLinks.has(code)) return 'unsupported'
    throw fromSystemError(error, file)
  } finally {
    await rm(temporary, { force: true })
  }
}

/** Of file systems that have no hard links, such as those of USB sticks. */
const withoutLinks: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

// Not sys/fs.ts: that one is synchronous, and while 32 MiB reach the disk the next pack can be cut and hashed.
async function writeNew({ fsync }: DirectoryRoot, path: string, { bytes, signal }: PutOptions): Promise<void> {
  throwIfAborted(signal)
  const file = await open(path, 'wx', 0o666)
  try {
    for (let at = 0; at < bytes.length; ) {
      throwIfAborted(signal)
      at += (await file.write(bytes, at)).bytesWritten
    }
    if (fsync) await file.sync()
    throwIfAborted(signal)
  } finally {
    await file.close()
  }
}

/** Directory by directory, so that memory holds the names of one. What vanishes meanwhile is left out. */
async function* listObjects(
  root: DirectoryRoot,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ObjectEntry> {
  throwIfAborted(signal)
  const entries = (await orAbsent(root, prefix, directory => readdir(directory, { withFileTypes: true }))) ?? []
  const known = entries.filter(entry => isKeySegment(entry.name) && isKey(prefix + entry.name))
  yield* listFiles(root, prefix, { files: known.filter(entry => entry.isFile()), signal })
  for (const entry of known) if (entry.isDirectory()) yield* listObjects(root, `${prefix}${entry.name}/`, signal)
}

interface ListFilesOptions {
  readonly files: readonly Dirent[]
  readonly signal: AbortSignal | undefined
}

async function* listFiles(
  root: DirectoryRoot,
  prefix: string,
  { files, signal }: ListFilesOptions,
): AsyncGenerator<ObjectEntry> {
  for (let at = 0; at < files.length; at += listBatch) {
    throwIfAborted(signal)
    const batch = files.slice(at, at + listBatch).map(async ({ name }) => {
      const key = prefix + name
      const stat = await orAbsent(root, key, file => lstat(file))
      return stat?.isFile() ? { key, ...(await objectStat(root, stat)) } : undefined
    })
    for (const entry of await Promise.all(batch)) if (entry !== undefined) yield entry
  }
}
