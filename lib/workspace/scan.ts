// Looking at an output in the workspace. Listing a directory costs 1 µs an entry, a stat 2 µs: the main thread lists,
// while worker threads stat what is listed already, and at the end it takes from the queue itself (stat-queue.ts).

import { type Dirent, lstatSync, readdirSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DdvError, fromSystemError, throwIfAborted } from '../core/errors.js'
import { compareUtf8, displayPath, type TreePath, treePathProblem } from '../core/tree-path.js'
import { isArriving } from '../sys/durable-renames.js'
import type { Pool } from '../sys/pool.js'
import { absent, isRegular, modeColumn, sizeColumn, statIfThere, statWidth, writeStat } from '../sys/stats.js'
import { type IgnoreRules, ignoreFileName } from './ignore.js'
import { batchFiles, StatQueue, turn } from './stat-queue.js'
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
  try {
    await listing.list('', rulesAbove(path, options.ignore))
    return assemble(listing, await listing.stats())
  } finally {
    await listing.close()
  }
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
  readonly #queue: StatQueue
  /** How many of the paths the queue has. */
  #queued = 0

  constructor(output: TreePath, options: ScanOptions) {
    this.absolute = join(options.root, output)
    this.#output = output
    this.#options = options
    this.#realRoot = options.follow === true ? realpathSync(this.absolute) : this.absolute
    this.#queue = new StatQueue({ ...options, directory: this.absolute })
  }

  /** Adds what is in this directory, depth first, in manifest order. `relative` is '' or ends in `/`. */
  async list(relative: string, ignore: IgnoreRules): Promise<void> {
    throwIfAborted(this.#options.signal)
    const entries = this.#read(relative)
    if (entries.some(entry => entry.name === ignoreFileName))
      ignore = ignore.enter(`${this.#output}/${relative}`.replace(/\/$/, ''))
    const before = this.paths.length + this.emptyDirectories.length
    for (const found of inManifestOrder(this.#look(relative, entries, ignore)))
      if (found.kind === 'directory') await this.#enter(relative, found, ignore)
      else if (this.paths.push(relative + found.name) === this.#queued + batchFiles) await this.#hand()
    if (relative !== '' && this.paths.length + this.emptyDirectories.length === before)
      this.emptyDirectories.push(relative.slice(0, -1))
  }

  /** Of all paths, once the walk is at its end. */
  stats(): Promise<BigInt64Array> {
    this.#queue.add(this.paths.slice(this.#queued))
    return this.#queue.finish()
  }

  close(): Promise<void> {
    return this.#queue.close()
  }

  #hand(): Promise<void> {
    this.#queue.add(this.paths.slice(this.#queued))
    this.#queued = this.paths.length
    return turn() // so that threads hear of it, and their answers are taken
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
    const prefix = `${this.#output}/${relative}`
    for (const entry of entries) {
      const { name } = entry
      if (isArriving(name)) continue // a crash left it on its way here
      if (ignore.ignores(prefix + name, entry.isDirectory())) continue
      const kind = this.#kindOf(relative + name, entry)
      if (kind !== undefined) found.push({ name, kind, link: entry.isSymbolicLink() })
    }
    return found
  }

  async #enter(relative: string, { name, link }: Found, ignore: IgnoreRules): Promise<void> {
    if (link) this.#links.push(realpathSync(`${this.absolute}/${relative}`))
    await this.list(`${relative}${name}/`, ignore)
    if (link) this.#links.pop()
  }

  // undefined where it is a problem, which is written down.
  #kindOf(path: string, entry: Dirent): 'file' | 'directory' | undefined {
    const problem = treePathProblem(entry.name) ?? unreadableName(entry.name)
    if (problem !== undefined) return this.#refuse(path, problem)
    if (entry.isFile()) return 'file'
    if (entry.isSymbolicLink()) return this.#follow(path)
    return entry.isDirectory() ? 'directory' : this.#refuse(path, describe(false))
  }

  #refuse(path: string, problem: string): undefined {
    this.problems.push({ path: `${this.#output}/${path}`, problem })
  }

  #follow(path: string): 'file' | 'directory' | undefined {
    const refuse = (problem: string): undefined => this.#refuse(path, problem)
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
  // The system gave them in the order of their bytes: mostly there is nothing to do.
  const isSorted = found.every((one, i) => i === 0 || compareUtf8(key(found[i - 1] as Found), key(one)) < 0)
  return isSorted ? found : found.sort((a, b) => compareUtf8(key(a), key(b)))
}

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
