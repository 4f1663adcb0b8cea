// Small files of data as the workspace or a commit has them: by their own bytes where those are there, otherwise by what
// locks and pointers say of them and the cache has. Nothing is fetched.

import { blobPath, hasBlob } from '../cache/cache.js'
import { setAside } from '../cache/quarantine.js'
import type { Digest } from '../core/digest.js'
import { DdvError, isDdvError } from '../core/errors.js'
import { decodeLock, type LockedOut, pointerOfOut } from '../core/lockfile.js'
import { isFileEntry } from '../core/manifest.js'
import type { Pointer } from '../core/pointer.js'
import { lockFileName } from '../core/stage.js'
import { dirname, displayPath, type TreePath } from '../core/tree-path.js'
import { maxYamlSize } from '../core/yaml-text.js'
import { hashBytes } from '../sys/hash.js'
import { readRegular } from '../sys/read-stable.js'
import { parsePointer, pointerPath } from '../workspace/pointers.js'
import { loadEntries } from './entries.js'
import type { Project } from './project.js'
import { namedAt, type TextSource } from './text-source.js'

/** undefined where nothing is there and nothing is known; `missing` where the cache lacks what is known. */
export type Found = Buffer | DdvError | undefined

export async function readDataAt(
  project: Project,
  source: TextSource,
  paths: readonly TreePath[],
): Promise<ReadonlyMap<TreePath, Found>> {
  const here = await source.read(paths)
  const absent = paths.filter(path => !here.has(path))
  const recorded = absent.length === 0 ? undefined : await readRecords(source, absent)
  return new Map(
    paths.map(path => {
      const found = here.get(path) ?? (recorded === undefined ? undefined : recordedBytes(project, path, recorded))
      return [path, isDdvError(found) ? namedAt(source, withPullHint(found, source, path)) : found]
    }),
  )
}

function withPullHint(error: DdvError, { at }: TextSource, path: TreePath): DdvError {
  if (error.code !== 'missing') return error
  const command = at === undefined ? 'ddv pull' : `ddv fetch --rev ${displayPath(at.revision)}`
  return new DdvError('missing', error.message, { hint: `'${command} ${displayPath(path)}' brings it`, cause: error })
}

interface Records {
  readonly outs: ReadonlyMap<TreePath, LockedOut> | DdvError
  readonly pointers: ReadonlyMap<TreePath, Buffer | DdvError>
}

async function readRecords(source: TextSource, paths: readonly TreePath[]): Promise<Records> {
  const pointers = await source.read([...new Set(paths.flatMap(path => [...upwards(path)].map(pointerPath)))])
  return { pointers, outs: await readOuts(source) }
}

function* upwards(path: TreePath): Iterable<TreePath> {
  for (let at: TreePath | '' = path; at !== ''; at = dirname(at)) yield at
}

/** What the stages of all locks left. A lock that cannot be read leaves open what any path was. */
async function readOuts(source: TextSource): Promise<ReadonlyMap<TreePath, LockedOut> | DdvError> {
  const files = await source.read(await source.find(lockFileName))
  const outs = new Map<TreePath, LockedOut>()
  for (const [file, found] of files) {
    if (isDdvError(found)) return found
    try {
      for (const stage of decodeLock(found.toString(), file).values())
        for (const [path, out] of stage.outs) outs.set(path, out)
    } catch (error) {
      if (isDdvError(error)) return error
      throw error
    }
  }
  return outs
}

function recordedBytes(project: Project, path: TreePath, records: Records): Found {
  try {
    const recorded = findRecord(records, path)
    if (recorded === undefined) return undefined
    const file = fileOf(project, path, recorded)
    return file === undefined ? undefined : readBlob(project, path, file)
  } catch (error) {
    if (isDdvError(error)) return error
    throw error
  }
}

interface Recorded {
  readonly at: TreePath
  readonly pointer: Pointer
}

function findRecord({ outs, pointers }: Records, path: TreePath): Recorded | undefined {
  for (const at of upwards(path)) {
    const bytes = pointers.get(pointerPath(at))
    if (isDdvError(bytes)) throw bytes
    if (bytes !== undefined) return { at, pointer: parsePointer(bytes.toString(), pointerPath(at)) }
    if (isDdvError(outs)) throw outs
    const out = outs.get(at)
    if (out !== undefined) return out.cache ? { at, pointer: pointerOfOut(at, out) } : undefined
  }
  return undefined
}

interface FileRecord {
  readonly digest: Digest
  readonly size: number
}

/** undefined where the directory has no such file. */
function fileOf(project: Project, path: TreePath, { at, pointer }: Recorded): FileRecord | undefined {
  if (pointer.kind === 'file') return at === path ? { digest: pointer.hash, size: pointer.size } : undefined
  if (at === path) throw new DdvError('bad-config', `is a directory, and no file of values: ${displayPath(path)}`)
  const row = loadEntries(project, at, pointer).find(entry => `${at}/${entry.path}` === path)
  return row !== undefined && isFileEntry(row) ? row : undefined
}

function readBlob({ cache }: Project, path: TreePath, { digest, size }: FileRecord): Buffer {
  if (size > maxYamlSize)
    throw new DdvError('bad-config', `file is larger than ${maxYamlSize} bytes: ${displayPath(path)}`)
  const bytes = hasBlob(cache, digest, size) ? readRegular(blobPath(cache, digest)) : undefined
  if (bytes === undefined) throw new DdvError('missing', `content is not in the cache: ${displayPath(path)}`)
  if (hashBytes(bytes) !== digest) throw setAside(cache, digest)
  return bytes
}
