// A workspace that lives for one command, with the configuration of another one: there its data is fetched and checked out
// as always. The caller's own cache stays out of it: whoever has data of a stranger's there would share its fate.

import { mkdirSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { type Config, flagLayer } from '../core/config.js'
import { selectRemote } from '../core/config-remotes.js'
import { DdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { isFileEntry } from '../core/manifest.js'
import { encodePointer, type Pointer } from '../core/pointer.js'
import { parseRemoteUrl } from '../core/remote-config.js'
import { displayPath, isWithin, type TreePath } from '../core/tree-path.js'
import { writeNewFile } from '../sys/fs.js'
import { openInside } from '../sys/inside.js'
import type { Environment } from '../sys/spawn.js'
import { pointerPath } from '../workspace/pointers.js'
import { checkoutTargets } from './checkout.js'
import { fetchParts, listEntries } from './fetch-parts.js'
import { openProject, type Project } from './project.js'
import type { Target } from './targets.js'

/** Whose configuration it is. */
export interface ForeignPlace {
  /** Its top on this machine; undefined for one elsewhere. */
  readonly directory: string | undefined
  /** Without credentials, for messages. */
  readonly address: string
  /** Where its workspace lies below the top: '' or a directory. */
  readonly workspace: TreePath | ''
  /** Its committed configuration; '' where it has none. */
  readonly configText: string
}

export interface ForeignOptions extends Control {
  readonly env: Environment
  /** An empty directory of the caller's. */
  readonly work: string
}

/** Opens it, and closes it when `use` is done. */
export async function withForeignProject<T>(
  place: ForeignPlace,
  { env, work }: ForeignOptions,
  use: (project: Project) => Promise<T>,
): Promise<T> {
  const root = join(work, 'workspace')
  mkdirSync(join(root, '.ddv'), { recursive: true })
  writeNewFile(join(root, '.ddv', 'config.yaml'), place.configText)
  const flags = flagLayer({ 'cache.dir': join(work, 'cache') })
  const opened = await openProject({ cwd: root, env, flags })
  try {
    return await use({ ...opened, git: undefined, config: withPlaces(opened.config, place) })
  } finally {
    await opened.close()
  }
}

/** Relative directories are relative to that workspace, where it is on this machine. */
function withPlaces(config: Config, { directory, workspace }: ForeignPlace): Config {
  const remotes = [...config.remotes].map(([name, settings]) => {
    const path = directory === undefined ? undefined : relativePath(settings.url)
    return [
      name,
      path === undefined ? settings : { ...settings, url: resolve(directory ?? '', workspace, path) },
    ] as const
  })
  return { ...config, remotes: new Map(remotes) }
}

function relativePath(url: string): string | undefined {
  const location = parseRemoteUrl(url)
  return location.type === 'directory' && !isAbsolute(location.path) ? location.path : undefined
}

/** Throws `remote` where the remote is a directory beside that workspace, which is elsewhere. */
export function requireReachable(
  project: Project,
  { directory, address }: ForeignPlace,
  remote: string | undefined,
): void {
  if (directory !== undefined || relativePath(selectRemote(project.config, remote).url) === undefined) return
  throw new DdvError('remote', `its data is in a directory beside that repository: ${displayPath(address)}`, {
    hint: 'name the repository by its path, on the machine that has it',
  })
}

/** What is wanted of it. */
export interface ForeignData {
  readonly output: TreePath
  readonly pointer: Pointer
  /** Relative to the output; '' for all of it. */
  readonly within: TreePath | ''
}

export interface Brought {
  /** A file or directory, whole and durable. */
  readonly from: string
  readonly kind: Pointer['kind']
  readonly size: number
  readonly files: number
}

export interface BringOptions extends Control {
  readonly cwd: string
  /** The default one unless told. */
  readonly remote?: string | undefined
}

export async function bringData(project: Project, data: ForeignData, options: BringOptions): Promise<Brought> {
  const { output, pointer, within } = data
  const { root } = project.workspace
  writeNewFile(openInside(root).pathWithParents(pointerPath(output)), encodePointer(pointer))
  const rows = await rowsOf(project, data, options)
  const files = rows.filter(isFileEntry)
  const size = files.reduce((sum, file) => sum + file.size, 0)
  const named = { path: output, pointer }
  const only = new Set(files.map(({ digest }) => digest))
  const [failure] = (await fetchParts(project, [{ named, only }], options)).values()
  if (failure !== undefined) throw failure
  await checkOut(project, { output, within, pointer }, options)
  const isFile = pointer.kind === 'file' || (within !== '' && rows.some(row => isFileEntry(row) && row.path === within))
  return { from: join(root, output, within), kind: isFile ? 'file' : 'directory', size, files: files.length }
}

/** The rows that are asked for. */
async function rowsOf(project: Project, { output, pointer, within }: ForeignData, options: BringOptions) {
  const named = { path: output, pointer }
  const listing = (await listEntries(project, [named], options)).get(named)
  if (listing === undefined || 'error' in listing)
    throw listing?.error ?? new DdvError('missing', `manifest is not on the remote: ${displayPath(output)}`)
  const rows = listing.entries.filter(({ path }) => isWithin(path, within))
  if (rows.length > 0 || within === '') return rows
  throw new DdvError('usage', `no such file or directory in the data: ${displayPath(`${output}/${within}`)}`)
}

async function checkOut(project: Project, target: Target, options: BringOptions): Promise<void> {
  const { failures } = await checkoutTargets(project, [target], options)
  const [failure] = failures
  if (failure !== undefined) throw failure.error
}
