// What kind of file system a directory is on, and what it can do.

import { lstatSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { reflink } from './copy.js'
import { writeNewFile } from './fs.js'
import { randomName } from './random.js'

export interface FileSystem {
  /** undefined where the number that the system gives is none of those known. */
  readonly name: string | undefined
  /** On another machine, where locks and maps of memory are not always honoured. */
  readonly network: boolean
  /** Bytes for others than the superuser. */
  readonly free: number
  /** Files that may still be made; undefined where the file system sets no limit. */
  readonly filesLeft: number | undefined
}

/** By `f_type`, as statfs(2) of Linux lists them. Other systems number theirs anew with each release. */
const names: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext4'],
  [0x9123683e, 'btrfs'],
  [0x58465342, 'xfs'],
  [0x2fc12fc1, 'zfs'],
  [0xca451a4e, 'bcachefs'],
  [0xf2f52010, 'f2fs'],
  [0x01021994, 'tmpfs'],
  [0x794c7630, 'overlayfs'],
  [0x65735546, 'fuse'],
  [0x6969, 'nfs'],
  [0xff534d42, 'cifs'],
  [0xfe534d42, 'smb2'],
  [0x517b, 'smb'],
  [0x01021997, '9p'],
])

const networks: ReadonlySet<string> = new Set(['nfs', 'cifs', 'smb2', 'smb', '9p'])

/** Throws system errors. */
export function fileSystemOf(directory: string): FileSystem {
  const { type, bsize, bavail, files, ffree } = statfsSync(directory)
  const name = process.platform === 'linux' ? names.get(type) : undefined
  return {
    name,
    network: name !== undefined && networks.has(name),
    free: bavail * bsize,
    filesLeft: files > 0 ? ffree : undefined,
  }
}

/** Whether a file of the one directory can share its blocks with one in the other. Writes a probe in both, and removes it. */
export function canReflink(from: string, to: string): boolean {
  if (lstatSync(from).dev !== lstatSync(to).dev) return false
  const name = randomName()
  const [probe, clone] = [join(from, name), join(to, `${name}-1`)]
  try {
    writeNewFile(probe, Buffer.alloc(4096, 1))
    return reflink(probe, clone)
  } finally {
    rmSync(probe, { force: true })
    rmSync(clone, { force: true })
  }
}
