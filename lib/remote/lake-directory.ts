// A lake in a directory: a path below the root is the file's own. Written as directory.ts writes: a temporary file, made
// durable, then renamed. The tree is not ddv's, so that nothing in it is believed: no link is followed, and what is no regular
// file is no object.

import { constants, type Dirent } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm, rmdir, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DdvError, fromSystemError, systemCode, throwIfAborted } from '../core/errors.js'
import { isWithin, joinTreePath, type TreePath, dirname as treeDirname, treePathProblem } from '../core/tree-path.js'
import { openInside } from '../sys/inside.js'
import { randomName } from '../sys/random.js'
import { removeOldTemporaries, syncNames } from './directory-root.js'
import {
  type Lake,
  type LakeEntry,
  type LakeObject,
  type LakeRange,
  type LakeSource,
  lakeOwnDirectory,
} from './lake.js'

export interface DirectoryLakeOptions {
  /** As the user configured it, for messages; the path unless told. */
  readonly url?: string
  /** Whether what was put outlives a power cut. */
  readonly fsync: boolean
}

const day = 86_400_000
const pieceSize = 4 * 1024 * 1024
// A pipe must not be waited for, a link not be followed. Windows has neither flag.
const readFlags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/** Touches nothing yet; `root` is absolute. The first put makes it, where its parent is there. */
export function openDirectoryLake(root: string, options: DirectoryLakeOptions): Lake {
  const place = { root, ...options }
  let prepared: Promise<void> | undefined
  return {
    url: options.url ?? root,
    async stat(path, { signal } = {}) {
      throwIfAborted(signal)
      return statFile(place, path)
    },
    async get(path, range) {
      throwIfAborted(range.signal)
      const file = await orAbsent(place, path, file => open(file, readFlags))
      return file && readRange(file, join(root, path), range)
    },
    async put(path, source, { signal } = {}) {
      throwIfAborted(signal)
      prepared ??= prepare(place)
      await prepared
      return putFile(place, path, { source, signal })
    },
    async *list(directory, { signal } = {}) {
      throwIfAborted(signal)
      yield* listFiles(place, directory, signal)
    },
    async remove(path, { signal, top } = {}) {
      throwIfAborted(signal)
      const isRemoved = await orAbsent(place, path, async file => {
        await unlink(file)
        return true
      })
      if (isRemoved && top !== undefined) await prune(place, treeDirname(path), top)
    },
    async close() {},
  }
}

interface Place extends DirectoryLakeOptions {
  readonly root: string
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw fromSystemError(error, path)
  }
  throw new DdvError('remote', `the lake is not a directory: ${path}`)
}

const absentRoot = (root: string): DdvError =>
  new DdvError('remote', `the lake's directory does not exist: ${root}`, {
    hint: 'is the disk mounted? the first file makes it where its parent directory is there',
  })

/** undefined where there is no such file; an error where that is because there is no place for the lake either. */
async function orAbsent<T>({ root }: Place, path: TreePath, act: (file: string) => Promise<T>): Promise<T | undefined> {
  const file = join(root, path)
  try {
    // Above it, too, nothing is followed: a parent that is a link or a file has no object of ours.
    return await act(openInside(root).path(path))
  } catch (error) {
    const isAbsent =
      absentCodes.has(systemCode(error) ?? '') || (error instanceof DdvError && error.code === 'bad-path')
    if (!isAbsent) throw fromSystemError(error, file)
    if (!(await isDirectory(root)) && !(await isDirectory(dirname(root)))) throw absentRoot(root)
    return undefined
  }
}

const absentCodes: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ERR_FS_EISDIR', 'ENXIO'])

async function statFile(place: Place, path: TreePath): Promise<LakeObject | undefined> {
  const found = await orAbsent(place, path, file => lstat(file, { bigint: true }))
  return found?.isFile() ? objectOf(found) : undefined
}

interface FileStats {
  readonly size: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  readonly ino: bigint
}

/** Whoever writes the file changes one of these; a copy of the whole lake changes all, and is read anew. */
const objectOf = ({ size, mtimeNs, ctimeNs, ino }: FileStats): LakeObject => ({
  size: Number(size),
  version: [ino, mtimeNs, ctimeNs, size].map(value => value.toString(36)).join('-'),
})

async function readRange(file: FileHandle, path: string, { offset, length, signal }: LakeRange) {
  try {
    const found = await file.stat({ bigint: true })
    if (!found.isFile()) return undefined
    const object = objectOf(found)
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(length, object.size - offset)))
    for (let at = 0; at < bytes.length; ) {
      throwIfAborted(signal)
      const { bytesRead } = await file.read(bytes, at, Math.min(pieceSize, bytes.length - at), offset + at)
      if (bytesRead === 0) throw new DdvError('changed', `a file of the lake became shorter while it was read: ${path}`)
      at += bytesRead
    }
    return { ...object, bytes }
  } catch (error) {
    throw fromSystemError(error, path)
  } finally {
    await file.close()
  }
}

const temporaries = (root: string): string => join(root, lakeOwnDirectory, 'tmp')

async function prepare({ root, fsync }: Place): Promise<void> {
  if (!(await isDirectory(root))) {
    if (!(await isDirectory(dirname(root)))) throw absentRoot(root)
    await mkdir(root).catch(ignoreThere)
    if (fsync) await syncNames(dirname(root))
  }
  try {
    // Not through a link that a stranger put in its place.
    const own = dirname(openInside(root).pathWithParents(`${lakeOwnDirectory}/tmp/put` as TreePath))
    await removeOldTemporaries(own, Date.now() - day)
  } catch (error) {
    throw fromSystemError(error, temporaries(root))
  }
}

function ignoreThere(error: unknown): void {
  if (systemCode(error) !== 'EEXIST') throw error
}

interface Putting {
  readonly source: LakeSource
  readonly signal: AbortSignal | undefined
}

async function putFile(place: Place, path: TreePath, putting: Putting): Promise<LakeObject> {
  const { root, fsync } = place
  const temporary = join(temporaries(root), `put-${randomName()}`)
  try {
    await writeNew(temporary, fsync, putting)
    const inside = openInside(root)
    const file = inside.pathWithParents(path)
    await rename(temporary, file)
    if (fsync) for (const directory of [dirname(file), ...[...inside.made].map(dirname)]) await syncNames(directory)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined) // the error at hand tells more
    throw fromSystemError(error, join(root, path))
  }
  const found = await statFile(place, path)
  if (found !== undefined) return found
  throw new DdvError('changed', `vanished from the lake as soon as it was there: ${path}`)
}

async function writeNew(path: string, fsync: boolean, { source, signal }: Putting): Promise<void> {
  const file = await open(path, 'wx', 0o666)
  try {
    for await (const piece of source.pieces(pieceSize)) {
      for (let at = 0; at < piece.length; ) {
        throwIfAborted(signal)
        at += (await file.write(piece, at)).bytesWritten
      }
    }
    if (fsync) await file.sync()
    throwIfAborted(signal)
  } finally {
    await file.close()
  }
}

/** What vanishes meanwhile is left out. */
async function* listFiles(
  place: Place,
  directory: TreePath,
  signal: AbortSignal | undefined,
): AsyncGenerator<LakeEntry> {
  throwIfAborted(signal)
  const entries: Dirent[] = (await orAbsent(place, directory, path => readdir(path, { withFileTypes: true }))) ?? []
  for (const entry of entries) {
    if (treePathProblem(entry.name) !== undefined) continue
    const path = joinTreePath(directory, entry.name as TreePath)
    if (entry.isDirectory()) yield* listFiles(place, path, signal)
    else if (entry.isFile()) {
      throwIfAborted(signal)
      const found = await statFile(place, path)
      if (found !== undefined) yield { path, ...found }
    }
  }
}

/** Empty directories, upwards to the top. */
async function prune({ root }: Place, from: TreePath | '', top: TreePath): Promise<void> {
  for (let at = from; at !== '' && isWithin(at, top); at = treeDirname(at)) {
    try {
      await rmdir(join(root, at))
    } catch (error) {
      if (systemCode(error) === undefined) throw error
      return
    }
  }
}
