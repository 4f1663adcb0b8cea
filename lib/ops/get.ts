// `get`: data of another git repository, from anywhere. Its pointers and its committed configuration are laid into a
// workspace that lives for this one command, beside the target; there the data is fetched and checked out as always,
// and takes its name last.

import { linkSync, lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync, unlinkSync } from 'node:fs'
import { dirname as directoryOf, isAbsolute, join, resolve } from 'node:path'
import { type Config, flagLayer } from '../core/config.js'
import { selectRemote } from '../core/config-remotes.js'
import { DdvError, fromSystemError, systemCode } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { pointerOfOut } from '../core/lockfile.js'
import { isFileEntry } from '../core/manifest.js'
import { encodePointer, type Pointer, pointerSuffix } from '../core/pointer.js'
import { parseRemoteUrl } from '../core/remote-config.js'
import { basename, dirname, displayPath, isWithin, parseTreePath, type TreePath } from '../core/tree-path.js'
import { type ForeignRepository, openForeign } from '../git/foreign.js'
import { listTree, readBlobs, type TreeFile } from '../git/objects.js'
import { syncDirectory, writeNewFile } from '../sys/fs.js'
import { openInside } from '../sys/inside.js'
import type { Environment } from '../sys/spawn.js'
import { coveringOut, isLockPath, parseOuts, settle } from '../workspace/locks.js'
import { outputOfPointer, parsePointer, pointerPath } from '../workspace/pointers.js'
import { checkoutTargets } from './checkout.js'
import { fetchParts, listEntries } from './fetch-parts.js'
import { openProject, type Project } from './project.js'
import type { Target } from './targets.js'

export interface GetOptions extends Control {
  /** What a relative repository and `out` are relative to: absolute. */
  readonly cwd: string
  readonly env: Environment
  /** A branch, tag or commit of that repository; its HEAD unless told. */
  readonly revision?: string | undefined
  /** Where to write: the data's own name, here, unless told. An existing directory is written into. */
  readonly out?: string | undefined
  /** Another of its remotes than its default. */
  readonly remote?: string | undefined
}

export interface GetResult {
  /** The repository's address, without credentials. */
  readonly repository: string
  readonly commit: string
  /** In that repository. */
  readonly path: TreePath
  /** Where it was written: absolute. */
  readonly out: string
  readonly kind: Pointer['kind']
  readonly size: number
  readonly files: number
}

/** Throws `refused` where something is at `out` already; nothing is left behind then, or on any other error. */
export async function get(address: string, path: string, options: GetOptions): Promise<GetResult> {
  const wanted = parseTreePath(path.replace(/\/+$/, ''))
  const out = targetOf(wanted, options)
  refuseExisting(out)
  // Beside the target, so that what was fetched only has to be renamed.
  const work = makeWorkDirectory(directoryOf(out))
  try {
    const foreign = await openForeign(address, { ...options, temporary: makeDirectory(work, 'git') })
    const source = await findSource(foreign, wanted, options)
    const brought = await bring({ foreign, source, work }, options)
    nameDurably(brought.from, out)
    const { kind, size, files } = brought
    return { repository: foreign.address, commit: foreign.commit, path: wanted, out, kind, size, files }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function targetOf(path: TreePath, { cwd, out }: GetOptions): string {
  const asked = resolve(cwd, out ?? '.')
  const isDirectory = lstatSync(asked, { throwIfNoEntry: false })?.isDirectory() === true
  return out === undefined || isDirectory ? join(asked, basename(path)) : asked
}

function refuseExisting(out: string): void {
  if (lstatSync(out, { throwIfNoEntry: false }) === undefined) return
  throw inTheWay(out)
}

const inTheWay = (out: string): DdvError =>
  new DdvError('refused', `something is there already: ${displayPath(out)}`, {
    hint: `name another place with '-o OUT'`,
  })

function makeWorkDirectory(parent: string): string {
  try {
    return mkdtempSync(join(parent, '.ddv-get-'))
  } catch (error) {
    throw fromSystemError(error, parent)
  }
}

function makeDirectory(parent: string, name: string): string {
  const directory = join(parent, name)
  mkdirSync(directory)
  return directory
}

interface Source {
  readonly output: TreePath
  readonly pointer: Pointer
  /** As committed; of what a stage made, in the words of a pointer. */
  readonly pointerText: string
  readonly configText: string
  /** Relative to the output; '' for all of it. */
  readonly within: TreePath | ''
  /** Where its workspace lies in the repository: '' or a directory. */
  readonly workspace: TreePath | ''
}

async function findSource(
  { repository, commit, address }: ForeignRepository,
  path: TreePath,
  { signal }: Control,
): Promise<Source> {
  const parents = parentsOf(path)
  const names = new Set<string>([...parents.map(pointerPath), ...['', ...parents].map(configPath)])
  const wanted = (file: string): boolean => names.has(file) || isLockPath(file)
  const files = await listTree(repository, commit, { signal, wanted })
  const read = async (file: TreeFile | undefined): Promise<string> =>
    file === undefined ? '' : String((await readBlobs(repository, [file.id], { signal }))[0])
  const pointers = files.filter(file => file.path.endsWith(pointerSuffix)).sort((a, b) => a.path.length - b.path.length)
  const [found] = pointers
  const stageOut = found === undefined ? await findStageOut({ files, path, read }) : undefined
  if (stageOut !== undefined) return stageOut
  if (found === undefined)
    throw new DdvError('usage', `not under ddv in ${displayPath(address)}: ${displayPath(path)}`, {
      hint: 'the path is that of the data, from the top of the repository',
    })
  const file = found.path as TreePath
  const output = outputOfPointer(file)
  const above = ['' as const, ...parentsOf(output).slice(0, -1)]
  const hasConfig = (directory: string): boolean => files.some(one => one.path === configPath(directory))
  const workspace = above.findLast(hasConfig) ?? ''
  const pointerText = await read(found)
  return {
    output,
    pointer: parsePointer(pointerText, file),
    pointerText,
    configText: await read(files.find(one => one.path === configPath(workspace))),
    within: output === path ? '' : (path.slice(output.length + 1) as TreePath),
    workspace,
  }
}

interface Searching {
  readonly files: readonly TreeFile[]
  readonly path: TreePath
  readonly read: (file: TreeFile | undefined) => Promise<string>
}

/** By the locks of the workspaces in which the path lies, the nearest first. */
async function findStageOut({ files, path, read }: Searching): Promise<Source | undefined> {
  const configs = ['' as const, ...parentsOf(path).slice(0, -1)].reverse()
  for (const workspace of configs) {
    const config = files.find(one => one.path === configPath(workspace))
    if (config === undefined) continue
    const prefix = workspace === '' ? '' : `${workspace}/`
    const locks = files.filter(one => isLockPath(one.path) && one.path.startsWith(prefix))
    const texts = await Promise.all(locks.map(read))
    const named = locks.map((one, i) => parseOuts(texts[i] ?? '', one.path.slice(prefix.length) as TreePath))
    const stage = coveringOut(settle([], named).outs, path.slice(prefix.length) as TreePath)
    if (stage === undefined) continue
    const output = `${prefix}${stage.path}` as TreePath
    const pointer = pointerOfOut(stage.path, stage.out)
    return {
      output,
      pointer,
      pointerText: encodePointer(pointer),
      configText: await read(config),
      within: output === path ? '' : (path.slice(output.length + 1) as TreePath),
      workspace,
    }
  }
  return undefined
}

const configPath = (directory: string): string => `${directory === '' ? '' : `${directory}/`}.ddv/config.yaml`

/** Every directory on the way and the path itself, from the top. */
function parentsOf(path: TreePath): TreePath[] {
  const parents: TreePath[] = []
  for (let at: TreePath | '' = path; at !== ''; at = dirname(at)) parents.unshift(at)
  return parents
}

interface Bringing {
  readonly foreign: ForeignRepository
  readonly source: Source
  readonly work: string
}

interface Brought extends Pick<GetResult, 'kind' | 'size' | 'files'> {
  /** A file or directory, whole and durable. */
  readonly from: string
}

async function bring({ foreign, source, work }: Bringing, options: GetOptions): Promise<Brought> {
  const { output, pointer, within } = source
  const root = makeDirectory(work, 'workspace')
  makeDirectory(root, '.ddv')
  writeNewFile(join(root, '.ddv', 'config.yaml'), source.configText)
  writeNewFile(openInside(root).pathWithParents(pointerPath(output)), source.pointerText)
  // The caller's own cache stays out of it: whoever has data of a stranger's there would share its fate.
  const flags = flagLayer({ 'cache.dir': join(work, 'cache') })
  const opened = await openProject({ cwd: root, env: options.env, flags })
  try {
    const project = {
      ...opened,
      git: undefined,
      config: withPlaces(opened.config, foreign, { workspace: source.workspace, remote: options.remote }),
    }
    const rows = await rowsOf(project, source, options)
    const files = rows.filter(isFileEntry)
    const size = files.reduce((sum, file) => sum + file.size, 0)
    const named = { path: output, pointer }
    const only = new Set(files.map(({ digest }) => digest))
    const [failure] = (await fetchParts(project, [{ named, only }], options)).values()
    if (failure !== undefined) throw failure
    await checkOut(project, { output, within, pointer }, options)
    const isFile =
      pointer.kind === 'file' || (within !== '' && rows.some(row => isFileEntry(row) && row.path === within))
    return { from: join(root, output, within), kind: isFile ? 'file' : 'directory', size, files: files.length }
  } finally {
    await opened.close()
  }
}

/** The rows that are asked for. */
async function rowsOf(project: Project, { output, pointer, within }: Source, options: GetOptions) {
  const named = { path: output, pointer }
  const listing = (await listEntries(project, [named], options)).get(named)
  if (listing === undefined || 'error' in listing)
    throw listing?.error ?? new DdvError('missing', `manifest is not on the remote: ${displayPath(output)}`)
  const rows = listing.entries.filter(({ path }) => isWithin(path, within))
  if (rows.length > 0 || within === '') return rows
  throw new DdvError('usage', `no such file or directory in the data: ${displayPath(`${output}/${within}`)}`)
}

async function checkOut(project: Project, target: Target, options: GetOptions): Promise<void> {
  const { failures } = await checkoutTargets(project, [target], options)
  const [failure] = failures
  if (failure !== undefined) throw failure.error
}

/** Relative directories are relative to that workspace, and so can be had only where the repository is on this machine. */
function withPlaces(
  config: Config,
  { directory, address }: ForeignRepository,
  { workspace, remote }: { readonly workspace: string; readonly remote: string | undefined },
): Config {
  const relativeTo = (url: string): string | undefined => {
    const location = parseRemoteUrl(url)
    return location.type === 'directory' && !isAbsolute(location.path) ? location.path : undefined
  }
  if (directory === undefined && relativeTo(selectRemote(config, remote).url) !== undefined)
    throw new DdvError('remote', `its data is in a directory beside that repository: ${displayPath(address)}`, {
      hint: 'name the repository by its path, on the machine that has it',
    })
  const remotes = [...config.remotes].map(([name, settings]) => {
    const path = directory === undefined ? undefined : relativeTo(settings.url)
    return [
      name,
      path === undefined ? settings : { ...settings, url: resolve(directory ?? '', workspace, path) },
    ] as const
  })
  return { ...config, remotes: new Map(remotes) }
}

/** Gives it its name where nothing has that name: another's file that came meanwhile stays. */
function nameDurably(from: string, out: string): void {
  try {
    // A directory takes no name that a file or a filled directory has; for a file only a link is as careful.
    if (lstatSync(from).isDirectory()) renameSync(from, out)
    else linkOrRename(from, out)
    syncDirectory(directoryOf(out))
  } catch (error) {
    if (['EEXIST', 'ENOTEMPTY', 'ENOTDIR'].includes(systemCode(error) ?? '')) throw inTheWay(out)
    throw fromSystemError(error, out)
  }
}

function linkOrRename(from: string, out: string): void {
  try {
    linkSync(from, out)
    unlinkSync(from)
  } catch (error) {
    if (systemCode(error) === 'EEXIST') throw error
    refuseExisting(out) // a file system without hard links
    renameSync(from, out)
  }
}
