// Looking at an output in the workspace. Listing a directory costs 1 µs an entry, a stat 2 µs: the main thread lists
// and hands batches of names to worker threads for their stats, then takes from the queue itself.

import { type Dirent, lstatSync, readdirSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DdvError, fromSystemError, throwIfAborted } from '../core/errors.js'
import { compareUtf8, displayPath, type TreePath, treePathProblem } from '../core/tree-path.js'
import { isArriving } from '../sys/durable-renames.js'
import type { Pool } from '../sys/pool.js'
import {
  absent,
  isRegular,
  modeColumn,
  sizeColumn,
  statFilesJob,
  statIfThere,
  statWidth,
  writeStat,
} from '../sys/stats.js'
import { type IgnoreRules, ignoreFileName } from './ignore.js'
import type { StatTable } from './stat-table.js'

export interface ScanOptions {
  readonly root: string
  readonly ignore: IgnoreRules
  readonly pool: Pool
  /** Take a symbolic link that stays inside the output for what it leads to; otherwise a link is a problem. */
  readonly follow?: boolean
  readonly signal?: AbortSignal | undefined
}

/** Something in the way of versioning the output; `path` is relative to the workspace. */
export interface ScanProblem {
  readonly path: string
  readonly problem: string
}

export interface Scan {
  readonly kind: 'file' | 'directory'
  readonly table: StatTable
  readonly problems: readonly ScanProblem[]
}

const batchFiles = 2000
/** From here on starting threads (20 ms) pays. */
const worthThreads = 8000

/** undefined where nothing is there. Never follows a link at the output itself. */
export async function scanOutput(path: TreePath, options: ScanOptions): Promise<Scan | undefined> {
  const absolute = join(options.root, path)
  const stat = statIfThere(absolute)
  if (stat === undefined) return undefined
  if (stat.isDirectory()) return scanDirectory(path, options)
  const stats = new BigInt64Array(statWidth)
  writeStat(stats, 0, stat)
  const problems = isRegular(stat.mode) ? [] : [{ path, problem: describe(stat.isSymbolicLink()) }]
  return { kind: 'file', table: { paths: [''], stats, emptyDirectories: [] }, problems }
}

const describe = (link: boolean): string => (link ? 'is a symbolic link' : 'is neither a file nor a directory')

async function scanDirectory(path: TreePath, options: ScanOptions): Promise<Scan> {
  const listing = new Listing(path, options)
  listing.list('', rulesAbove(path, options.ignore))
  const stats = await statAll(listing, options)
  return assemble(listing, stats)
}

/** The rules as they hold for a path: those of the directories between the workspace's root and it. */
export function rulesAbove(output: TreePath, ignore: IgnoreRules): IgnoreRules {
  for (let slash = output.indexOf('/'); slash >= 0; slash = output.indexOf('/', slash + 1))
    ignore = ignore.enter(output.slice(0, slash))
  return ignore
}

/** A name in a directory, and what it stands for in the output. */
interface Found {
  readonly name: string
  readonly kind: 'file' | 'directory'
  readonly link: boolean
}

/** What the walk found; a class because the walk is recursive over growing lists. */
class Listing {
  readonly paths: string[] = []
  readonly emptyDirectories: string[] = []
  readonly problems: ScanProblem[] = []
  readonly absolute: string
  readonly #output: TreePath
  readonly #options: ScanOptions
  readonly #realRoot: string
  /** Where the followed links on the way to the current directory really are. */
  readonly #links: string[] = []

  constructor(output: TreePath, options: ScanOptions) {
    this.absolute = join(options.root, output)
    this.#output = output
    this.#options = options
    this.#realRoot = options.follow === true ? realpathSync(this.absolute) : this.absolute
  }

  /** Adds what is in this directory, depth first, in manifest order. `relative` is '' or ends in `/`. */
  list(relative: string, ignore: IgnoreRules): void {
    throwIfAborted(this.#options.signal)
    const entries = this.#read(relative)
    if (entries.some(entry => entry.name === ignoreFileName))
      ignore = ignore.enter(`${this.#output}/${relative}`.replace(/\/$/, ''))
    const before = this.paths.length + this.emptyDirectories.length
    for (const found of inManifestOrder(this.#look(relative, entries, ignore)))
      if (found.kind === 'file') this.paths.push(relative + found.name)
      else this.#enter(relative, found, ignore)
    if (relative !== '' && this.paths.length + this.emptyDirectories.length === before)
      this.emptyDirectories.push(relative.slice(0, -1))
  }

  #read(relative: string): Dirent[] {
    const directory = `${this.absolute}/${relative}`
    try {
      return readdirSync(directory, { withFileTypes: true })
    } catch (error) {
      throw fromSystemError(error, displayPath(`${this.#output}/${relative}`))
    }
  }

  #look(relative: string, entries: readonly Dirent[], ignore: IgnoreRules): Found[] {
    const found: Found[] = []
    for (const entry of entries) {
      const path = relative + entry.name
      if (isArriving(entry.name)) continue // a crash left it on its way here
      if (ignore.ignores(`${this.#output}/${path}`, entry.isDirectory())) continue
      const kind = this.#kindOf(path, entry)
      if (kind !== undefined) found.push({ name: entry.name, kind, link: entry.isSymbolicLink() })
    }
    return found
  }

  #enter(relative: string, { name, link }: Found, ignore: IgnoreRules): void {
    if (link) this.#links.push(realpathSync(`${this.absolute}/${relative}`))
    this.list(`${relative}${name}/`, ignore)
    if (link) this.#links.pop()
  }

  // undefined where it is a problem, which is written down.
  #kindOf(path: string, entry: Dirent): 'file' | 'directory' | undefined {
    const full = `${this.#output}/${path}`
    const problem = treePathProblem(entry.name) ?? unreadableName(entry.name)
    if (problem !== undefined) return this.#refuse(full, problem)
    if (entry.isSymbolicLink()) return this.#follow(path)
    if (entry.isDirectory()) return 'directory'
    return entry.isFile() ? 'file' : this.#refuse(full, describe(false))
  }

  #refuse(path: string, problem: string): undefined {
    this.problems.push({ path, problem })
  }

  #follow(path: string): 'file' | 'directory' | undefined {
    const full = `${this.#output}/${path}`
    const refuse = (problem: string): undefined => this.#refuse(full, problem)
    if (this.#options.follow !== true) return refuse('is a symbolic link')
    const link = join(this.absolute, path)
    const target = realpathIfThere(link)
    if (target === undefined) return refuse('is a symbolic link that leads nowhere')
    if (!`${target}/`.startsWith(`${this.#realRoot}/`))
      return refuse('is a symbolic link that leads out of its directory')
    const stat = lstatSync(target)
    if (stat.isFile()) return 'file'
    if (!stat.isDirectory()) return refuse(describe(false))
    // A directory that holds the link, or one that led here, would be listed for ever.
    const here = realpathSync(dirname(link))
    if ([...this.#links, here].some(place => `${place}/`.startsWith(`${target}/`)))
      return refuse('is a symbolic link that leads in a circle')
    return 'directory'
  }
}

// Node shows bytes that are not UTF-8 as U+FFFD: such a name cannot be opened by what is shown.
const unreadableName = (name: string): string | undefined =>
  name.includes('\ufffd') ? 'has a name that is not UTF-8' : undefined

function realpathIfThere(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined // a loop, a missing target: all the same to the caller, who names the link
  }
}

// A directory sorts as its name with a slash, so that the whole walk comes in the order of full paths; so does a link
// that stands for one.
function inManifestOrder(found: Found[]): Found[] {
  const key = ({ name, kind }: Found): string => (kind === 'directory' ? `${name}/` : name)
  return found.sort((a, b) => compareUtf8(key(a), key(b)))
}

async function statAll(listing: Listing, options: ScanOptions): Promise<BigInt64Array> {
  const { paths, absolute: directory } = listing
  const stats = new BigInt64Array(paths.length * statWidth)
  let next = 0
  const take = (): { at: number; names: string } | undefined => {
    throwIfAborted(options.signal)
    if (next >= paths.length) return undefined
    const at = next
    next += batchFiles
    return { at, names: paths.slice(at, next).join('\0') }
  }
  const work = async (run: (names: string) => BigInt64Array | Promise<BigInt64Array>): Promise<void> => {
    for (let batch = take(); batch !== undefined; batch = take())
      stats.set(await run(batch.names), batch.at * statWidth)
  }
  const follow = options.follow === true
  const here = (names: string): BigInt64Array => statFilesJob.run({ directory, names, follow })
  const threads = paths.length < worthThreads ? 0 : options.pool.size - 1
  const there = Array.from({ length: threads }, () =>
    work(names => options.pool.run(statFilesJob, { directory, names, follow })),
  )
  // The main thread yields before each batch, so that answers are taken and new batches given out.
  const yielding = async (names: string): Promise<BigInt64Array> => {
    await turn()
    return here(names)
  }
  await Promise.all([...there, work(yielding)])
  return stats
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

// A file that vanished, or became something else, between listing and stat.
function assemble(listing: Listing, stats: BigInt64Array): Scan {
  const { paths, emptyDirectories, problems } = listing
  const gone: number[] = []
  for (let row = 0; row < paths.length; row++) {
    const mode = stats[row * statWidth + modeColumn] as bigint
    if (stats[row * statWidth + sizeColumn] === absent || !isRegular(mode)) gone.push(row)
  }
  if (gone.length === 0) return { kind: 'directory', table: { paths, stats, emptyDirectories }, problems }
  throw new DdvError(
    'changed',
    `changed while it was looked at: ${displayPath(join(listing.absolute, paths[gone[0] as number] as string))}`,
    {
      hint: 'let whatever writes there finish, then run the same command again',
    },
  )
}
