// What an output is, into a lake: plain files under the same names. Only what changed is sent, and nothing that somebody else
// wrote there is overwritten or removed unless its bytes are at hand, or the caller says so.
//
// What is there is known by ddv's record in the lake (core/lake-record.ts) and one listing: a file that the store calls as it
// did when ddv had written and read it holds those very bytes. (Neither S3's metadata nor a local note would do: the one
// travels with copies of other objects and costs a request a file, the other does not know what other machines wrote.) Any
// other file is read and hashed before something is done about it.
//
// What was sent is read back and hashed before it counts. A store's own checksums would save the reading, but not every store
// has strong ones, what an ETag is made of differs, and none of them tells whether parts stand in the right order: this tells
// that what other programs will read is what was validated.
//
// The record is written before the first file with what is coming, and in the end with what came: cut anywhere, the next call
// knows which files are ddv's.

import type { Digest } from '../core/digest.js'
import { DdvError, isDdvError, throwIfAborted } from '../core/errors.js'
import type { Control } from '../core/events.js'
import {
  decodeLakeRecord,
  emptyLakeRecord,
  encodeLakeRecord,
  type LakeFile,
  type LakeRecord,
  maxLakeRecord,
  type WrittenFile,
} from '../core/lake-record.js'
import { dirname, displayPath, joinTreePath, type TreePath } from '../core/tree-path.js'
import { createHasher, finishDigest, hashBytes } from '../sys/hash.js'
import { forEachAtOnce } from './concurrently.js'
import { bytesSource, type Lake, type LakeObject, type LakeSource, lakeOwnDirectory } from './lake.js'

export interface LakeOutput {
  /** Its place in the lake. */
  readonly output: TreePath
  /** What it is to be, by path below it; '' where it is a file. */
  readonly files: ReadonlyMap<TreePath | '', LakeFile>
}

export interface SyncOptions extends Control {
  readonly source: (file: LakeFile) => LakeSource
  /** Whether these bytes can be had again, whatever becomes of the lake. */
  readonly isSaved: (digest: Digest) => Promise<boolean>
  /** Overwrite whatever is there. */
  readonly force: boolean
}

export interface SyncResult {
  readonly sent: number
  readonly removed: number
  readonly bytesSent: number
}

/** Small files on their way at once; of large ones one, whose parts are. */
const concurrency = 4
const largeFile = 8 * 1024 * 1024
/** Bytes that are read back at once. */
const readSize = 8 * 1024 * 1024

type Path = TreePath | ''

/**
 * Throws `would-lose-data` before anything is changed where files of others would be overwritten; `changed` where somebody
 * writes there at the same time; `remote` where the store refuses.
 */
export async function syncLake(lake: Lake, wanted: LakeOutput, options: SyncOptions): Promise<SyncResult> {
  const run = { lake, options, ...wanted }
  const before = await readRecord(run)
  const present = await listPresent(run)
  const plan = await planSync(run, { before, present })
  const { send, remove, files } = plan
  if (send.size === 0 && remove.size === 0 && isSameRecord(before, files)) return { sent: 0, removed: 0, bytesSent: 0 }
  const removed = remove.size
  let bytesSent = 0
  if (send.size > 0) {
    options.onEvent?.({ type: 'total', phase: 'upload', files: send.size, bytes: sizeOfAll(send.values()) })
    // What was ddv's stays ddv's until it is replaced.
    const coming = new Map([...before.coming, ...send])
    await writeRecord(run, { files: new Map([...before.files, ...files]), coming })
    const isInTheWay = obstaclesOf(send)
    const first = [...remove].filter(([path]) => isInTheWay(path))
    await removeFiles(run, first)
    for (const [path] of first) remove.delete(path)
    const written = await sendFiles(run, send)
    for (const [path, file] of written) files.set(path, file)
    bytesSent = sizeOfAll(send.values())
  }
  await removeFiles(run, [...remove])
  await writeRecord(run, { files, coming: new Map() })
  return { sent: send.size, removed, bytesSent }
}

interface Run extends LakeOutput {
  readonly lake: Lake
  readonly options: SyncOptions
}

const inLake = ({ output }: LakeOutput, path: Path): TreePath => (path === '' ? output : joinTreePath(output, path))

function sizeOfAll(files: Iterable<LakeFile>): number {
  let bytes = 0
  for (const { size } of files) bytes += size
  return bytes
}

const recordPath = (output: TreePath): TreePath =>
  `${lakeOwnDirectory}/outputs/${hashBytes(Buffer.from(output))}` as TreePath

// One that is not whole, or of something else, is as good as none: then all that is there is somebody else's.
async function readRecord({ lake, output, options }: Run): Promise<LakeRecord> {
  const { signal, onEvent } = options
  const stat = await lake.stat(recordPath(output), { signal })
  if (stat === undefined) return emptyLakeRecord
  try {
    if (stat.size > maxLakeRecord)
      throw new DdvError('corrupt', `ddv's record in the lake is too large: ${displayPath(output)}`)
    const got = await lake.get(recordPath(output), { offset: 0, length: Math.max(1, stat.size), signal })
    return got === undefined ? emptyLakeRecord : decodeLakeRecord(got.bytes.toString(), output)
  } catch (error) {
    if (!isDdvError(error, 'corrupt')) throw error
    onEvent?.({ type: 'warning', message: error.message, hint: 'what is there is read anew' })
    return emptyLakeRecord
  }
}

async function writeRecord({ lake, output, options }: Run, record: LakeRecord): Promise<void> {
  const source = bytesSource(Buffer.from(encodeLakeRecord(output, record)))
  await lake.put(recordPath(output), source, { signal: options.signal })
}

function isSameRecord({ files: before, coming }: LakeRecord, files: ReadonlyMap<Path, WrittenFile>): boolean {
  if (coming.size > 0 || before.size !== files.size) return false
  return [...files].every(([path, { digest, version }]) => {
    const old = before.get(path)
    return old?.digest === digest && old.version === version
  })
}

async function listPresent({ lake, output, options }: Run): Promise<ReadonlyMap<Path, LakeObject>> {
  const { signal } = options
  const present = new Map<Path, LakeObject>()
  const itself = await lake.stat(output, { signal })
  if (itself !== undefined) present.set('', itself)
  for await (const { path, ...object } of lake.list(output, { signal }))
    present.set(path.slice(output.length + 1) as TreePath, object)
  return present
}

interface Known {
  readonly before: LakeRecord
  readonly present: ReadonlyMap<Path, LakeObject>
}

interface Plan {
  readonly send: Map<Path, LakeFile>
  readonly remove: Map<Path, LakeObject>
  /** What the record says of what is there and stays. */
  readonly files: Map<Path, WrittenFile>
}

async function planSync(run: Run, known: Known): Promise<Plan> {
  const plan: Plan = { send: new Map(), remove: new Map(), files: new Map() }
  const lost: Path[] = []
  await forEachAtOnce(run.files, concurrency, async ([path, file]) => {
    const found = await judge(run, known, { path, file })
    if (found === 'lost') lost.push(path)
    else if (found === 'send') plan.send.set(path, file)
    else plan.files.set(path, found)
  })
  if (lost.length > 0) throw lossError(run, lost.sort())
  const gone = new Set([...known.before.files.keys(), ...known.before.coming.keys()])
  for (const path of gone) {
    const object = known.present.get(path)
    if (run.files.has(path) || object === undefined) continue
    if (await isOurs(run, known, { path, object })) plan.remove.set(path, object)
    else warnOfOther(run, path)
  }
  const isInTheWay = obstaclesOf(plan.send)
  for (const path of known.present.keys())
    if (!run.files.has(path) && !plan.remove.has(path) && isInTheWay(path)) throw obstacleError(run, path)
  return plan
}

interface Wanted {
  readonly path: Path
  readonly file: LakeFile
}

/** What is to be done about a file that is wanted: nothing, as the record is to say then; to send it; or it cannot be. */
async function judge(run: Run, known: Known, { path, file }: Wanted): Promise<WrittenFile | 'send' | 'lost'> {
  const object = known.present.get(path)
  if (object === undefined) return 'send'
  const row = known.before.files.get(path)
  if (row?.version === object.version) return row.digest === file.digest ? row : 'send'
  const { force, isSaved } = run.options
  if (force && object.size !== file.size) return 'send'
  const { digest, version } = await readObject(run, path)
  if (digest === undefined) return 'send'
  if (digest === file.digest) return { ...file, version }
  const isOld = digest === known.before.coming.get(path)?.digest
  return force || isOld || (await isSaved(digest)) ? 'send' : 'lost'
}

/** Whether what is there is what ddv wrote, or was about to. */
async function isOurs(
  run: Run,
  { before }: Known,
  { path, object }: { readonly path: Path; readonly object: LakeObject },
): Promise<boolean> {
  if (before.files.get(path)?.version === object.version) return true
  const coming = before.coming.get(path)
  if (coming === undefined || coming.size !== object.size) return false
  return (await readObject(run, path)).digest === coming.digest
}

function warnOfOther(run: Run, path: Path): void {
  run.options.onEvent?.({
    type: 'warning',
    message: `stays in the lake, since somebody else has written it: ${displayPath(inLake(run, path))}`,
  })
}

/**
 * Whether a file has the name of a directory in which one of these is to be, or lies below the name of one of these: not every
 * lake can hold both.
 */
function obstaclesOf(wanted: ReadonlyMap<Path, unknown>): (path: Path) => boolean {
  const parents = new Set<Path>()
  for (const path of wanted.keys()) for (const parent of above(path)) parents.add(parent)
  return path => parents.has(path) || [...above(path)].some(parent => wanted.has(parent))
}

function* above(path: Path): Generator<Path> {
  for (let at = path; at !== ''; ) {
    at = dirname(at)
    yield at
  }
}

const obstacleError = (run: Run, path: Path): DdvError =>
  new DdvError(
    'refused',
    `a file of somebody else's is in the way in the lake ${run.lake.url}: ${displayPath(inLake(run, path))}`,
    {
      hint: 'move it away, then run the same command again',
    },
  )

function lossError(run: Run, paths: readonly Path[]): DdvError {
  const shown = paths.slice(0, 3).map(path => displayPath(inLake(run, path)))
  const more = paths.length > shown.length ? ` and ${paths.length - shown.length} more` : ''
  return new DdvError(
    'would-lose-data',
    `somebody else has written to the lake ${run.lake.url}, and it would be overwritten: ${shown.join(', ')}${more}`,
    { hint: `look at what is there, and copy it elsewhere; '--force' overwrites it` },
  )
}

async function removeFiles(run: Run, files: readonly (readonly [Path, LakeObject])[]): Promise<void> {
  const { lake, output, options } = run
  const { signal } = options
  await forEachAtOnce(files, concurrency, async ([path, { version }]) => {
    const place = inLake(run, path)
    // Somebody else may have written it since it was listed.
    if ((await lake.stat(place, { signal }))?.version === version) await lake.remove(place, { signal, top: output })
  })
}

async function sendFiles(run: Run, send: ReadonlyMap<Path, LakeFile>): Promise<ReadonlyMap<Path, WrittenFile>> {
  const written = new Map<Path, WrittenFile>()
  const sendOne = async ([path, file]: readonly [Path, LakeFile]): Promise<void> => {
    written.set(path, await sendFile(run, { path, file }))
    run.options.onEvent?.({ type: 'done', phase: 'upload', files: 1, bytes: file.size })
  }
  const all = [...send]
  const isLarge = ([, { size }]: readonly [Path, LakeFile]): boolean => size > largeFile
  await forEachAtOnce(
    all.filter(one => !isLarge(one)),
    concurrency,
    sendOne,
  )
  for (const one of all.filter(isLarge)) await sendOne(one)
  return written
}

async function sendFile(run: Run, { path, file }: Wanted): Promise<WrittenFile> {
  const { lake, options } = run
  const { signal } = options
  const place = inLake(run, path)
  throwIfAborted(signal)
  const { version } = await lake.put(place, options.source(file), { signal })
  const back = await readObject(run, path)
  if (back.version !== version)
    throw new DdvError('changed', `somebody else writes to the lake at the same time: ${displayPath(place)}`, {
      hint: 'let them finish, then run the same command again',
    })
  if (back.digest === file.digest) return { ...file, version }
  // Nobody is to read it as what it is not.
  await lake.remove(place, { signal })
  throw new DdvError('corrupt', `the lake ${lake.url} gives back other bytes than it was sent: ${displayPath(place)}`)
}

interface ReadObject {
  /** undefined where there is none. */
  readonly digest: Digest | undefined
  readonly version: string
}

/** Reads it whole. Throws `changed` where it is replaced meanwhile. */
async function readObject(run: Run, path: Path): Promise<ReadObject> {
  const { lake, options } = run
  const place = inLake(run, path)
  const hasher = createHasher()
  let version: string | undefined
  for (let offset = 0; ; ) {
    throwIfAborted(options.signal)
    const got = await lake.get(place, { offset, length: readSize, signal: options.signal })
    if (got === undefined && offset === 0) return { digest: undefined, version: '' }
    version ??= got?.version
    if (got === undefined || got.version !== version)
      throw new DdvError('changed', `changed in the lake while it was read: ${displayPath(place)}`, {
        hint: 'let whoever writes there finish, then run the same command again',
      })
    hasher.update(got.bytes)
    offset += got.bytes.length
    if (offset >= got.size) return { digest: finishDigest(hasher), version }
    if (got.bytes.length === 0)
      throw new DdvError('remote', `the lake ${lake.url} gives no bytes: ${displayPath(place)}`)
  }
}
