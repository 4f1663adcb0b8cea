// Pointer files in the workspace: finding, reading, writing.

import { type Dirent, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DdvError, fromSystemError, systemCode } from '../core/errors.js'
import { encodeManifest, manifestTotals } from '../core/manifest.js'
import { decodePointer, maxPointerSize, type Pointer, pointerSuffix } from '../core/pointer.js'
import { lockFileName } from '../core/stage.js'
import { basename, compareUtf8, displayPath, type TreePath, treePathProblem } from '../core/tree-path.js'
import { hashBytes } from '../sys/hash.js'
import { statIfThere } from '../sys/stats.js'
import type { IgnoreRules } from './ignore.js'

/** Bytes of an output's name, so that its pointer's name fits into 255. */
export const maxOutputName = 251

export const pointerPath = (output: TreePath): TreePath => `${output}${pointerSuffix}` as TreePath
export const isPointerPath = (path: string): boolean =>
  path.endsWith(pointerSuffix) && path.length > pointerSuffix.length
export const outputOfPointer = (pointer: TreePath): TreePath => pointer.slice(0, -pointerSuffix.length) as TreePath

/**
 * Decodes a pointer of any origin (workspace or git) and checks it against itself: its name, its entries' digest and
 * totals. `file` is the pointer's own path. Throws `bad-pointer`, `conflict`, `newer-format`.
 */
export function parsePointer(text: string, file: TreePath): Pointer {
  const pointer = parseMovedPointer(text, file)
  const name = basename(outputOfPointer(file))
  if (pointer.filename !== name)
    throw new DdvError(
      'bad-pointer',
      `pointer is for '${displayPath(pointer.filename)}', not '${displayPath(name)}': ${displayPath(file)}`,
      {
        hint: `rename data with 'ddv move'`,
      },
    )
  return pointer
}

/** The same for one that git found under another path before or after: its name is its own. */
export function parseMovedPointer(text: string, file: TreePath): Pointer {
  const pointer = decodePointer(text, displayPath(file))
  if (pointer.kind !== 'directory' || pointer.entries === undefined) return pointer
  const totals = manifestTotals(pointer.entries)
  if (
    hashBytes(encodeManifest(pointer.entries)) !== pointer.hash ||
    totals.size !== pointer.size ||
    totals.files !== pointer.files
  )
    throw new DdvError('bad-pointer', `pointer has entries that are not those of its hash: ${displayPath(file)}`, {
      hint: `restore it from git, or delete it and run 'ddv add'`,
    })
  return pointer
}

/** The pointer of an output; undefined where there is none. */
export function findPointer(root: string, output: TreePath): Pointer | undefined {
  const path = pointerPath(output)
  const text = readPointerText(join(root, path), path)
  return text === undefined ? undefined : parsePointer(text, path)
}

function readPointerText(file: string, path: TreePath): string | undefined {
  try {
    const stat = lstatSync(file)
    if (!stat.isFile()) throw new DdvError('bad-pointer', `pointer is not a regular file: ${displayPath(path)}`)
    if (stat.size > maxPointerSize)
      throw new DdvError('bad-pointer', `pointer is larger than ${maxPointerSize} bytes: ${displayPath(path)}`)
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw fromSystemError(error, displayPath(path))
  }
}

/**
 * Every output that has a pointer in the workspace, sorted. Data directories are not entered: what stands beside
 * `<name>.ddv` as `<name>` is data. `below` narrows the search to one directory.
 */
export const listOutputs = (root: string, ignore: IgnoreRules, below: TreePath | '' = ''): TreePath[] =>
  walkOutputs(root, ignore, { below, dataOf: () => [] }).outputs

export interface WalkOptions {
  readonly below?: TreePath | ''
  /** Asked once for each lock, before what is beside it: directories that it says are data. */
  readonly dataOf: (lock: TreePath) => Iterable<TreePath>
}

/** The same, and every `ddv.lock` that is met on the way; what is data by one of them is not entered from then on. */
export function walkOutputs(
  root: string,
  ignore: IgnoreRules,
  { below = '', dataOf }: WalkOptions,
): { readonly outputs: TreePath[]; readonly locks: readonly TreePath[] } {
  const found: TreePath[] = []
  const locks: TreePath[] = []
  const data = new Set<string>()
  // What a directory holds comes before the directories in it are looked at.
  for (const path of walkFiles(root, ignore, { below, data })) {
    if (basename(path) === lockFileName) {
      locks.push(path)
      for (const known of dataOf(path)) data.add(known)
    } else if (isPointerPath(path) && treePathProblem(basename(path)) === undefined) found.push(outputOfPointer(path))
  }
  return { outputs: found.sort(compareUtf8), locks: locks.sort(compareUtf8) }
}

/** Files of this name anywhere in the workspace, but not in data, sorted. */
export function findFiles(root: string, ignore: IgnoreRules, name: string): TreePath[] {
  const found: TreePath[] = []
  for (const path of walkFiles(root, ignore, { below: '', data: new Set() }))
    if (basename(path) === name) found.push(path)
  return found.sort(compareUtf8)
}

interface FilesOptions {
  readonly below: TreePath | ''
  /** Directories that are data though no pointer says so; it may grow on the way. */
  readonly data: ReadonlySet<string>
}

/** Regular files outside of data and of what ddv never looks into; and locks that are none, for whoever reads them to say so. */
function* walkFiles(root: string, ignore: IgnoreRules, { below, data }: FilesOptions): Iterable<TreePath> {
  const open: [TreePath | '', IgnoreRules][] = [[below, ignore]]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [directory, above] = next
    const entries = readDirectory(join(root, directory))
    const ignored = directory !== '' && entries.some(entry => entry.name === '.ddvignore')
    const rules = ignored ? above.enter(directory) : above
    const prefix = directory === '' ? '' : `${directory}/`
    const outputs = new Set<string>()
    for (const entry of entries) {
      if (!entry.isFile() && (entry.name !== lockFileName || entry.isDirectory())) continue
      if (isPointerPath(entry.name)) outputs.add(entry.name.slice(0, -pointerSuffix.length))
      yield `${prefix}${entry.name}` as TreePath
    }
    for (const entry of entries) {
      if (!entry.isDirectory() || outputs.has(entry.name) || isSkipped(entry.name)) continue
      const path = `${prefix}${entry.name}` as TreePath
      if (!data.has(path) && !rules.ignores(path, true)) open.push([path, rules])
    }
  }
}

/** Never looked into for pointers: git's and ddv's own, and what package managers fill with foreign files. */
const skipped = new Set(['.git', '.ddv', '.cache', 'node_modules', '.venv', '__pycache__'])
const isSkipped = (name: string): boolean => skipped.has(name)

/** The first directory on the way to an output in which no pointer would be found. */
export const skippedParent = (output: TreePath): string | undefined => output.split('/').slice(0, -1).find(isSkipped)

function readDirectory(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw fromSystemError(error, directory)
  }
}

/** The output that `path` is or lies in, going by the pointers on its way; undefined where no pointer covers it. */
export function coveringOutput(root: string, path: TreePath): TreePath | undefined {
  const segments = path.split('/')
  for (let count = 1; count <= segments.length; count++) {
    const candidate = segments.slice(0, count).join('/') as TreePath
    if (Buffer.byteLength(segments[count - 1] as string) > maxOutputName) continue // a pointer cannot be called so
    const stat = statIfThere(join(root, pointerPath(candidate)))
    if (stat?.isFile() === true) return candidate
  }
  return undefined
}
