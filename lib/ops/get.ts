// `get`: data of another git repository, from anywhere, or a model of its registry. Its pointers and its committed
// configuration are laid into a workspace that lives for this one command, beside the target; there the data is fetched and
// checked out as always, and takes its name last.

import { linkSync, lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync, unlinkSync } from 'node:fs'
import { dirname as directoryOf, join, resolve } from 'node:path'
import { DdvError, fromSystemError, isDdvError, systemCode } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { pointerOfOut } from '../core/lockfile.js'
import type { ModelName, ModelVersion } from '../core/model-name.js'
import { type Pointer, pointerSuffix } from '../core/pointer.js'
import { basename, dirname, displayPath, parseTreePath, type TreePath } from '../core/tree-path.js'
import { type ForeignRepository, openForeign } from '../git/foreign.js'
import { listTree, readBlobs, type TreeFile } from '../git/objects.js'
import { syncDirectory } from '../sys/fs.js'
import type { Environment } from '../sys/spawn.js'
import { coveringOut, isLockPath, parseOuts, settle } from '../workspace/locks.js'
import { outputOfPointer, parsePointer, pointerPath } from '../workspace/pointers.js'
import {
  type Brought,
  bringData,
  type ForeignData,
  type ForeignPlace,
  requireReachable,
  withForeignProject,
} from './foreign-project.js'
import {
  bringModel,
  configPath,
  type PlacedReference,
  placeOfModel,
  plainWorkspace,
  readReference,
} from './get-model.js'

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
  /** Of the data; of a model, for which it was registered, and absent where nothing says it. */
  readonly commit?: string
  /** Which model it is, where one was asked for. */
  readonly model?: { readonly name: ModelName; readonly version: ModelVersion }
  /** In that repository. */
  readonly path: TreePath
  /** Where it was written: absolute. */
  readonly out: string
  readonly kind: Pointer['kind']
  readonly size: number
  readonly files: number
}

/**
 * `path`, or a model: `name@v1.2.0`, `name@latest`, `name#stage`; data whose path reads like that comes first. Throws `refused`
 * where something is at `out` already; nothing is left behind then, or on any other error.
 */
export async function get(address: string, path: string, options: GetOptions): Promise<GetResult> {
  const wanted = parseTreePath(path.replace(/\/+$/, ''))
  const reference = readReference(wanted)
  const { directory, name } = targetOf(options)
  if (reference === undefined || name !== undefined) refuseExisting(join(directory, name ?? basename(wanted)))
  // Beside the target, so that what was fetched only has to be renamed.
  const work = makeWorkDirectory(directory)
  try {
    const { brought, ...found } = await find(address, { wanted, reference, work }, options)
    const out = join(directory, name ?? basename(found.path))
    nameDurably(brought.from, out)
    const { kind, size, files } = brought
    return { ...found, out, kind, size, files }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

interface Finding {
  readonly wanted: TreePath
  readonly reference: PlacedReference | undefined
  readonly work: string
}

type Found = Pick<GetResult, 'repository' | 'commit' | 'model' | 'path'> & { readonly brought: Brought }

async function find(address: string, { wanted, reference, work }: Finding, options: GetOptions): Promise<Found> {
  const plain = reference === undefined ? undefined : plainWorkspace(address, reference, options.cwd)
  if (reference !== undefined && plain !== undefined)
    return { repository: address, ...(await bringModel(plain, reference, { ...options, work })) }
  const foreign = await openForeign(address, { ...options, temporary: makeDirectory(work, 'git') })
  const repository = foreign.address
  const source = await findSource(foreign, wanted, options).catch(error => {
    if (reference === undefined || !isDdvError(error, 'usage')) throw error
    return undefined
  })
  if (source === undefined && reference !== undefined) {
    const place = await placeOfModel(foreign, reference, options)
    return { repository, ...(await bringModel(place, reference, { ...options, work })) }
  }
  const { place, ...data } = source as Source
  const brought = await withForeignProject(place, { ...options, work }, async project => {
    requireReachable(project, place, options.remote)
    return bringData(project, data, options)
  })
  return { repository, commit: foreign.commit, path: wanted, brought }
}

interface GetTarget {
  readonly directory: string
  /** undefined: the data's own. */
  readonly name: string | undefined
}

function targetOf({ cwd, out }: GetOptions): GetTarget {
  const asked = resolve(cwd, out ?? '.')
  const isDirectory = lstatSync(asked, { throwIfNoEntry: false })?.isDirectory() === true
  if (out === undefined || isDirectory) return { directory: asked, name: undefined }
  return { directory: directoryOf(asked), name: basename(asked as TreePath) }
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

interface Source extends ForeignData {
  readonly place: ForeignPlace
}

async function findSource(
  { repository, commit, address, directory }: ForeignRepository,
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
  const placeOf = async (workspace: TreePath | ''): Promise<ForeignPlace> => ({
    ...{ directory, address, workspace },
    configText: await read(files.find(one => one.path === configPath(workspace))),
  })
  const stageOut = found === undefined ? await findStageOut({ files, path, read, placeOf }) : undefined
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
  return {
    output,
    pointer: parsePointer(await read(found), file),
    within: output === path ? '' : (path.slice(output.length + 1) as TreePath),
    place: await placeOf(workspace),
  }
}

interface Searching {
  readonly files: readonly TreeFile[]
  readonly path: TreePath
  readonly read: (file: TreeFile | undefined) => Promise<string>
  readonly placeOf: (workspace: TreePath | '') => Promise<ForeignPlace>
}

/** By the locks of the workspaces in which the path lies, the nearest first. */
async function findStageOut({ files, path, read, placeOf }: Searching): Promise<Source | undefined> {
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
    return {
      output,
      pointer: pointerOfOut(stage.path, stage.out),
      within: output === path ? '' : (path.slice(output.length + 1) as TreePath),
      place: await placeOf(workspace),
    }
  }
  return undefined
}

/** Every directory on the way and the path itself, from the top. */
function parentsOf(path: TreePath): TreePath[] {
  const parents: TreePath[] = []
  for (let at: TreePath | '' = path; at !== ''; at = dirname(at)) parents.unshift(at)
  return parents
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
