// The stat index: what each output was when ddv last looked, so that what has not changed costs a stat. It may be
// deleted without loss. Two records an output: a summary, which answers "all unchanged?" by one fingerprint, and the
// table with a digest for each row, in LMDB, which is opened only where the answer is no.
//
// The racy rule: a file that is changed again within one tick of the file system's clock, to the same size, shows the
// same stat. So a row counts only if its last change was before the tick at which its content was read; `tick` reads
// that clock by touching a file beside the index. Rows that do not count are stored with an impossible inode.

import { closeSync, constants, fstatSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Digest } from '../core/digest.js'
import { fromSystemError } from '../core/errors.js'
import type { TreePath } from '../core/tree-path.js'
import { openFacts } from '../sys/facts.js'
import { hashBytes } from '../sys/hash.js'
import { type Kv, openKv } from '../sys/kv.js'
import { inodeColumn, statWidth } from '../sys/stats.js'
import { fingerprint, lastChange, newestChange, type StatTable, statsBytes } from './stat-table.js'

/** A table whose contents are known: row i's digest is bytes 32·i to 32·i+32. */
export interface Snapshot {
  readonly table: StatTable
  readonly digests: Buffer
}

export interface Summary {
  readonly hash: Digest
  readonly size: number
}

export interface Learned {
  readonly path: TreePath
  /** May lack rows: those are read again when asked for. */
  readonly snapshot: Snapshot
  /** The clock before the contents were read. */
  readonly tick: bigint
  /** Of the whole output, where the snapshot is complete. */
  readonly summary: Summary | undefined
}

export interface StatIndex {
  /** What the output's bytes are, if nothing has changed since they were last known. */
  findUnchanged(path: TreePath, table: StatTable): Summary | undefined
  /** What the output's bytes were when they were last known whole, whatever happened since. */
  lastKnown(path: TreePath): Digest | undefined
  find(path: TreePath): Snapshot | undefined
  /** Replaces what is known of these outputs, in one transaction. */
  save(learned: readonly Learned[]): void
  forget(path: TreePath): void
  /** Small facts of ops, under a name of theirs; as disposable as the rest, and written at the latest by `close`. */
  readonly notes: Pick<Kv, 'get' | 'write'> & { readonly refresh: () => void; readonly flush: () => void }
  /** The file system's clock now, in ns. */
  tick(): bigint
  close(): Promise<void>
}

export function openStatIndex(directory: string): StatIndex {
  const facts = openFacts(join(directory, 'index', 'facts'))
  let opened: Kv | undefined
  const tables = (): Kv => {
    opened ??= openKv(join(directory, 'index'))
    return opened
  }
  const summaryKey = (path: TreePath): string => `s/${path}`
  const tableKey = (path: TreePath): string => `t/${shortened(path)}`
  return {
    findUnchanged: (path, table) => {
      const [stored, hash, size] = facts.get(summaryKey(path))?.split(' ') ?? []
      if (stored === undefined || stored !== fingerprint(table)) return undefined
      return { hash: hash as Digest, size: Number(size) }
    },
    lastKnown: path => facts.get(summaryKey(path))?.split(' ')[1] as Digest | undefined,
    find: path => {
      const bytes = tables().get(tableKey(path))
      return bytes === undefined ? undefined : decodeSnapshot(bytes)
    },
    save: learned => {
      if (learned.length === 0) return
      tables().write(batch => {
        for (const { path, snapshot, tick, summary } of learned) {
          const racy = newestChange(snapshot.table.stats) >= tick
          batch.put(tableKey(path), encodeSnapshot(racy ? withoutRacy(snapshot, tick) : snapshot))
          const counts = !racy && summary !== undefined
          const text = counts ? `${fingerprint(snapshot.table)} ${summary.hash} ${summary.size}` : undefined
          facts.set(summaryKey(path), text)
        }
      })
      facts.flush()
    },
    forget: path => {
      facts.set(summaryKey(path), undefined)
      tables().write(batch => batch.remove(tableKey(path)))
    },
    notes: {
      refresh: facts.refresh,
      flush: facts.flush,
      get: key => {
        const note = facts.get(`n/${key}`)
        return note === undefined ? undefined : Buffer.from(note, 'hex')
      },
      write: change =>
        change({
          put: (key, value) => facts.set(`n/${key}`, Buffer.from(value).toString('hex')),
          remove: key => facts.set(`n/${key}`, undefined),
        }),
    },
    tick: () => tick(directory),
    close: async () => {
      facts.flush()
      await opened?.close()
    },
  }
}

// LMDB's keys have at most 1,978 bytes, paths 4,096. A NUL cannot stand in a path.
const shortened = (path: TreePath): string => (path.length <= 400 ? path : `\0${hashBytes(Buffer.from(path))}`)

function tick(directory: string): bigint {
  mkdirSync(directory, { recursive: true })
  const file = join(directory, 'tick')
  // Never through a link, which may stand there in a stranger's repository.
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW = 0 } = constants
  const fd = openSync(file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o666)
  try {
    writeSync(fd, '.') // a write gives the file the kernel's own idea of now, in its granularity
    return fstatSync(fd, { bigint: true }).mtimeNs
  } catch (error) {
    throw fromSystemError(error, file)
  } finally {
    closeSync(fd)
  }
}

function withoutRacy(snapshot: Snapshot, tick: bigint): Snapshot {
  const stats = snapshot.table.stats.slice()
  for (let row = 0; row * statWidth < stats.length; row++)
    if (lastChange(stats, row) >= tick) stats[row * statWidth + inodeColumn] = -1n
  return { ...snapshot, table: { ...snapshot.table, stats } }
}

// [version u32][rows u32][bytes of names u32][bytes of empty directories u32][stats][digests][names][empty directories],
// names joined by NUL, in the machine's byte order: the index never leaves the machine.
const snapshotVersion = 1
const headBytes = 16

function encodeSnapshot({ table, digests }: Snapshot): Buffer {
  const names = Buffer.from(table.paths.join('\0'))
  const empty = Buffer.from(table.emptyDirectories.join('\0'))
  const head = Buffer.from(new Uint32Array([snapshotVersion, table.paths.length, names.length, empty.length]).buffer)
  return Buffer.concat([head, statsBytes(table.stats), digests, names, empty])
}

// undefined where it was written by another version: the index is only a memory.
function decodeSnapshot(bytes: Buffer): Snapshot | undefined {
  const aligned = new Uint8Array(bytes).buffer
  const [version, rows = 0, namesLength = 0, emptyLength = 0] = new Uint32Array(aligned, 0, 4)
  if (version !== snapshotVersion) return undefined
  const digestsAt = headBytes + rows * statWidth * 8
  const namesAt = digestsAt + rows * 32
  const emptyAt = namesAt + namesLength
  const text = (from: number, to: number): string => Buffer.from(aligned, from, to - from).toString()
  return {
    table: {
      paths: rows === 0 ? [] : text(namesAt, emptyAt).split('\0'),
      stats: new BigInt64Array(aligned, headBytes, rows * statWidth),
      emptyDirectories: emptyLength === 0 ? [] : text(emptyAt, emptyAt + emptyLength).split('\0'),
    },
    digests: Buffer.from(aligned, digestsAt, rows * 32),
  }
}
