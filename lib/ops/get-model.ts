// A model out of a repository's registry: `name@v1.2.0`, `name@latest` or `name#stage`, with the directory of its workspace
// before it where a repository holds several. The record on the remote says which bytes that is.

import { lstatSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { registryRemote } from '../core/config-remotes.js'
import { DdvError } from '../core/errors.js'
import { pointerOfOut } from '../core/lockfile.js'
import { selectVersion, sortVersions } from '../core/model-history.js'
import { type ModelReference, type ModelVersion, parseModelReference } from '../core/model-name.js'
import type { ModelRecord } from '../core/model-record.js'
import { basename, dirname, displayPath, type TreePath } from '../core/tree-path.js'
import type { ForeignRepository } from '../git/foreign.js'
import { listTree, type ReadOptions, readBlobs } from '../git/objects.js'
import { listModels, readModelRecord } from '../remote/registry.js'
import type { Remote } from '../remote/remote.js'
import { readSmallFile } from './config-files.js'
import {
  type BringOptions,
  type Brought,
  bringData,
  type ForeignOptions,
  type ForeignPlace,
  requireReachable,
  withForeignProject,
} from './foreign-project.js'
import { historiesOnRemote, historyNamed } from './model-histories.js'
import { openProjectRemote } from './open-remote.js'
import { unknownModel } from './registry.js'

export interface PlacedReference extends ModelReference {
  /** As it was typed. */
  readonly text: string
  /** The directory before it: '' where there is none. */
  readonly workspace: TreePath | ''
}

/** undefined for what is a path and nothing else. */
export function readReference(path: TreePath): PlacedReference | undefined {
  const text = basename(path)
  const reference = parseModelReference(text)
  return reference && { ...reference, text, workspace: dirname(path) }
}

export const configPath = (directory: string): string => `${directory === '' ? '' : `${directory}/`}.ddv/config.yaml`

/** A workspace on this machine that lies in no git repository: what production may be. undefined for anything else. */
export function plainWorkspace(address: string, reference: PlacedReference, cwd: string): ForeignPlace | undefined {
  const directory = resolve(cwd, address)
  const isThere = (name: string): boolean => lstatSync(join(directory, name), { throwIfNoEntry: false }) !== undefined
  if (isThere('.git') || !isThere(join(reference.workspace, '.ddv'))) return undefined
  const { workspace } = reference
  const configText = readSmallFile(join(directory, configPath(workspace))) ?? ''
  return { directory, address, workspace, configText }
}

/** The workspace of the commit that is meant: the one that is named, the top, or the only one. Throws `usage`. */
export async function placeOfModel(
  { repository, commit, address, directory }: ForeignRepository,
  { workspace: named, text }: PlacedReference,
  { signal }: ReadOptions,
): Promise<ForeignPlace> {
  const isConfig = (path: string): boolean => path === configPath('') || path.endsWith(`/${configPath('')}`)
  const files = await listTree(repository, commit, { wanted: isConfig, signal })
  const top = files.find(({ path }) => path === configPath(named))
  const found = top ?? (named === '' && files.length === 1 ? files[0] : undefined)
  if (found === undefined) {
    const places = files.map(({ path }) => `${path.slice(0, -configPath('').length)}${text}`)
    throw new DdvError('usage', `neither data nor a model of ${displayPath(address)}: ${displayPath(text)}`, {
      hint: places.length === 0 ? 'it has no ddv workspace' : `it has workspaces below its top: ${places.join(', ')}`,
    })
  }
  const [bytes] = await readBlobs(repository, [found.id], { signal })
  const workspace = found.path.slice(0, -configPath('').length).replace(/\/$/, '') as TreePath | ''
  return { directory, address, workspace, configText: String(bytes) }
}

export interface BroughtModel {
  readonly path: TreePath
  readonly commit?: string
  readonly model: { readonly name: ModelReference['name']; readonly version: ModelVersion }
  readonly brought: Brought
}

/** Throws `usage` for a model, version or stage that there is not. */
export function bringModel(
  place: ForeignPlace,
  reference: PlacedReference,
  options: ForeignOptions & BringOptions,
): Promise<BroughtModel> {
  return withForeignProject(place, options, async project => {
    const name = registryRemote(project.config, options.remote)
    requireReachable(project, place, name)
    const remote = await openProjectRemote(project, { ...options, name })
    const { path, artifact, commit, version } = await findModel(remote, reference, options).finally(() =>
      remote.close(),
    )
    const pointer = pointerOfOut(path, { ...artifact, meta: undefined })
    const brought = await bringData(project, { output: path, pointer, within: '' }, { ...options, remote: name })
    return { path, model: { name: reference.name, version }, ...(commit !== undefined && { commit }), brought }
  })
}

async function findModel(remote: Remote, reference: ModelReference, { signal }: ReadOptions): Promise<ModelRecord> {
  const { name, selector } = reference
  const exact = typeof selector === 'string' && selector !== 'latest' ? selector : undefined
  const direct = exact && (await readModelRecord(remote, name, { version: exact, signal }))
  if (direct !== undefined) return direct
  const listed = (await listModels(remote, { name, signal })).get(name)
  if (listed === undefined) throw unknownModel(name, (await listModels(remote, { signal })).keys())
  const versions = sortVersions(listed.versions.map(version => ({ version, artifact: undefined })))
  const promotions =
    typeof selector === 'string'
      ? []
      : historyNamed(await historiesOnRemote(remote, { name, signal, wanted: () => false }), name).promotions
  const version = selectVersion({ name, versions, promotions }, reference)
  const record = await readModelRecord(remote, name, { version, signal })
  if (record !== undefined) return record
  throw new DdvError('missing', `the record of that version is not on the remote ${remote.url}: ${name}@${version}`)
}
