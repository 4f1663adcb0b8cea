// `diff`: what differs between the data of two commits, or of a commit and the workspace as it is. It takes no lock and
// writes nothing but the stat index and manifests that it had to fetch.

import type { Digest } from '../core/digest.js'
import { DdvError, isDdvError } from '../core/errors.js'
import { isFileEntry, type ManifestEntry } from '../core/manifest.js'
import type { OutputKind, Pointer } from '../core/pointer.js'
import { compareUtf8, isWithin, type TreePath } from '../core/tree-path.js'
import { skippedAmong } from '../git/git-index.js'
import { pointerPath } from '../workspace/pointers.js'
import type { OutputFailure } from './add.js'
import {
  type Content,
  contentEntries,
  diffEntries,
  isUnchanged,
  readContent,
  scanOf,
  unreadNames,
  withUnread,
} from './compare.js'
import { type Change, diffFiles, type FileDiff, type OutputChanges, pairOutputs } from './diff-files.js'
import { type Listing, listEntries, type PartOptions } from './fetch-parts.js'
import type { Project } from './project.js'
import { type NamedPointer, outputsAt, requireGit, targetFilter, workspacePrefix } from './revision.js'
import { findTargets, toNamed } from './targets.js'

export interface DiffOptions extends PartOptions {
  readonly cwd: string
  /** HEAD unless told. */
  readonly from?: string | undefined
  /** The workspace as it is unless told. */
  readonly to?: string | undefined
}

/** One output as one side has it. */
export interface OutputVersion {
  readonly kind: OutputKind
  /** Absent where some of it cannot be read. */
  readonly hash?: Digest
  readonly size: number
  /** Directories only. */
  readonly files?: number
  readonly executable?: boolean
}

export interface OutputDiff {
  readonly path: TreePath
  readonly change: Change
  /** Of a renamed output, its old path. */
  readonly previous?: TreePath
  readonly before?: OutputVersion
  readonly after?: OutputVersion
  /** The pointer is in the workspace and its data is not. */
  readonly absent?: true
  /** Of a directory that is on both sides: its files that differ. */
  readonly files: readonly FileDiff[]
  /** Why the files cannot be told. */
  readonly filesUnknown?: string
}

export interface DiffSide {
  readonly revision: string
  readonly commit: string
}

export interface DiffResult {
  readonly from: DiffSide
  /** undefined for the workspace. */
  readonly to: DiffSide | undefined
  /** Those that differ, sorted by path. */
  readonly outputs: readonly OutputDiff[]
  /** Tracked outputs that a sparse checkout leaves out of the workspace: not compared. */
  readonly sparse: readonly TreePath[]
  readonly failures: readonly OutputFailure[]
  readonly same: boolean
}

/** Throws `usage` for unknown revisions and targets, `git` without a repository. */
export async function diff(project: Project, targets: readonly string[], options: DiffOptions): Promise<DiffResult> {
  const { from = 'HEAD', to } = options
  const [before, after] = [await sideAt(project, from, options), await workspaceOr(project, to, options)]
  const filter = targetFilter(project, targets, options.cwd)
  const failed = [...before.failures, ...after.failures].filter(
    ({ path }) => filter.matches(path as TreePath).length > 0,
  )
  const broken = new Set(failed.map(({ path }) => path))
  const paths = [...new Set([...before.states.keys(), ...after.states.keys()])].filter(path => !broken.has(path))
  const pairs = paths.sort(compareUtf8).flatMap(path => {
    const parts = filter.matches(path)
    return parts.length === 0 ? [] : [{ path, parts, before: before.states.get(path), after: after.states.get(path) }]
  })
  filter.refuseUnmatched(to === undefined ? [from, 'the workspace'] : [from, to])
  const sparse = to === undefined ? await sparseOutputs(project, pairs, options) : new Set<TreePath>()
  const differing = pairs.filter(pair => !sparse.has(pair.path) && !isSame(pair))
  const outputs = await describe(project, differing, options)
  const failures = [...new Map(failed.map(failure => [failure.path, failure])).values()]
  const result = {
    from: { revision: from, commit: before.commit },
    to: toSide(to, after),
    outputs,
    sparse: [...sparse],
  }
  return { ...result, failures, same: failures.length === 0 && outputs.length === 0 }
}

const toSide = (revision: string | undefined, { commit }: Side): DiffSide | undefined =>
  revision === undefined ? undefined : { revision, commit }

interface State {
  readonly version: OutputVersion
  /** What its listing is read from. */
  readonly source: { readonly named: NamedPointer } | { readonly entries: readonly ManifestEntry[] } | undefined
  readonly unread: ReadonlySet<string>
}

interface Side {
  readonly commit: string
  readonly states: ReadonlyMap<TreePath, State>
  readonly failures: readonly OutputFailure[]
}

interface Pair {
  readonly path: TreePath
  /** Which parts are asked for: '' for the whole. */
  readonly parts: readonly (TreePath | '')[]
  readonly before: State | undefined
  readonly after: State | undefined
}

async function sideAt(project: Project, revision: string, options: DiffOptions): Promise<Side> {
  const { commit, outputs, failures } = await outputsAt(project, revision, options)
  return { commit, failures, states: new Map(outputs.map(named => [named.path, stateOfPointer(named)])) }
}

const stateOfPointer = (named: NamedPointer): State => ({
  version: versionOfPointer(named.pointer),
  source: { named },
  unread: new Set(),
})

export const versionOfPointer = (pointer: Pointer): OutputVersion => ({
  kind: pointer.kind,
  hash: pointer.hash,
  size: pointer.size,
  ...(pointer.kind === 'directory' ? { files: pointer.files } : pointer.executable && { executable: true }),
})

async function workspaceOr(project: Project, revision: string | undefined, options: DiffOptions): Promise<Side> {
  if (revision !== undefined) return sideAt(project, revision, options)
  const states = new Map<TreePath, State>()
  const failures: OutputFailure[] = []
  for (const target of findTargets(project, [], options)) {
    const path = target.output
    try {
      states.set(path, await stateHere(project, toNamed(project, target), options))
    } catch (error) {
      if (!isDdvError(error) || isDdvError(error, 'interrupted')) throw error
      failures.push({ path, error })
    }
  }
  return { commit: '', states, failures }
}

async function stateHere(project: Project, named: NamedPointer, options: DiffOptions): Promise<State> {
  const { path, pointer } = named
  const scan = await scanOf(project, path, options)
  if (scan === undefined) return { ...stateOfPointer(named), source: undefined }
  if (isUnchanged(project, { output: path, pointer, scan })) return stateOfPointer(named)
  const content = await readContent(project, path, scan, options)
  const unread = unreadNames(path, scan, content)
  const entries = contentEntries(content)
  return { version: versionOfContent(content, entries, unread.size === 0), source: { entries }, unread }
}

function versionOfContent(
  { kind, summary }: Content,
  entries: readonly ManifestEntry[],
  known: boolean,
): OutputVersion {
  const files = entries.filter(isFileEntry)
  return {
    kind,
    ...(known && { hash: summary.hash }),
    size: files.reduce((sum, { size }) => sum + size, 0),
    ...(kind === 'directory' ? { files: files.length } : files[0]?.executable && { executable: true }),
  }
}

const isAbsent = (state: State | undefined): boolean => state === undefined || state.source === undefined

function isSame({ before, after }: Pair): boolean {
  if (isAbsent(before) || isAbsent(after)) return false
  const [a, b] = [before?.version, after?.version]
  return a?.kind === b?.kind && a?.hash !== undefined && a.hash === b?.hash && a.executable === b.executable
}

/** Pointers that are gone from the workspace only because it is a sparse checkout. */
async function sparseOutputs(project: Project, pairs: readonly Pair[], options: DiffOptions): Promise<Set<TreePath>> {
  const gone = pairs.filter(({ after }) => after === undefined)
  const prefix = workspacePrefix(project)
  const files = gone.map(({ path, before }) => prefix + (lockOf(before) ?? pointerPath(path)))
  const skipped = await skippedAmong(requireGit(project), files, options)
  return new Set(gone.map(({ path }) => path).filter((_, i) => skipped.has(files[i] as string)))
}

const lockOf = (state: State | undefined): TreePath | undefined =>
  state?.source !== undefined && 'named' in state.source ? state.source.named.stage?.lock : undefined

async function describe(project: Project, pairs: readonly Pair[], options: DiffOptions): Promise<OutputDiff[]> {
  const whole = pairs.filter(({ parts }) => parts.includes(''))
  const renamed = pairOutputs(
    whole
      .filter(({ before, after }) => before === undefined && !isAbsent(after))
      .map(pair => renamable(pair, pair.after)),
    whole.filter(({ after }) => after === undefined).map(pair => renamable(pair, pair.before)),
  )
  const origins = new Set(renamed.values())
  const byPath = new Map(pairs.map(pair => [pair.path, pair]))
  const { changes, unknown } = await changesOf(project, pairs, options)
  const files = diffFiles(changes)
  return pairs.flatMap(pair => {
    if (origins.has(pair.path)) return []
    const previous = renamed.get(pair.path)
    const before = previous === undefined ? pair.before : byPath.get(previous)?.before
    const row = outputDiff({ ...pair, before }, previous, files.get(pair.path) ?? [])
    const reason = unknown.get(pair.path)
    // Of a part, nothing may have changed.
    if (!pair.parts.includes('') && row.change === 'modified' && row.files.length === 0 && reason === undefined)
      return []
    return [reason === undefined ? row : { ...row, filesUnknown: reason }]
  })
}

const renamable = ({ path }: Pair, state: State | undefined) => {
  const { kind, hash, size } = (state as State).version
  return { path, kind, hash, size }
}

function outputDiff(
  { path, before, after }: Pair,
  previous: TreePath | undefined,
  files: readonly FileDiff[],
): OutputDiff {
  const gone = isAbsent(after)
  const change = previous !== undefined ? 'renamed' : before === undefined ? 'added' : gone ? 'removed' : 'modified'
  return {
    path,
    change,
    ...(previous !== undefined && { previous }),
    ...(before !== undefined && { before: before.version }),
    ...(after !== undefined && (!gone || before === undefined) && { after: after.version }),
    ...(after !== undefined && gone && { absent: true as const }),
    files,
  }
}

interface Changes {
  readonly changes: readonly OutputChanges[]
  readonly unknown: ReadonlyMap<TreePath, string>
}

// Rows of directories that are on both sides; and of files that came or went, which may have moved into such a directory
// or out of it, are told as outputs.
async function changesOf(project: Project, pairs: readonly Pair[], options: DiffOptions): Promise<Changes> {
  const both = pairs.filter(({ before, after }) => isDirectory(before) && isDirectory(after))
  const named = both.flatMap(({ before, after }) => [before, after].flatMap(state => namedOf(state)))
  const listings = await listEntries(project, named, options)
  const changes: OutputChanges[] = []
  const unknown = new Map<TreePath, string>()
  for (const { path, parts, before, after } of both) {
    const [old, now] = [listingOf(before, listings), listingOf(after, listings)]
    if ('error' in old) unknown.set(path, reasonOf(old.error))
    else if ('error' in now) unknown.set(path, reasonOf(now.error))
    else {
      const rows = withUnread(diffEntries(old.entries, now.entries), old.entries, after?.unread ?? new Set())
      const asked = rows.filter(row => parts.some(part => part === '' || isWithin(row.path, part)))
      changes.push({ output: path, changes: asked })
    }
  }
  return { changes, unknown }
}

const isDirectory = (state: State | undefined): boolean => !isAbsent(state) && state?.version.kind === 'directory'

const namedOf = (state: State | undefined): readonly NamedPointer[] =>
  state?.source !== undefined && 'named' in state.source ? [state.source.named] : []

function listingOf(state: State | undefined, listings: ReadonlyMap<NamedPointer, Listing>): Listing {
  const source = state?.source
  if (source !== undefined && 'entries' in source) return source
  const listing = source === undefined ? undefined : listings.get(source.named)
  return listing ?? { error: new DdvError('missing', 'manifest is not in the cache') }
}

/** Without the path that the row has anyway. */
const reasonOf = (error: DdvError): string =>
  isDdvError(error, 'missing') && error.message.startsWith('manifest') ? 'manifest is not in the cache' : error.message
