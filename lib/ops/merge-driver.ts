// What git calls to merge one pointer, or the lock: three files in, the result into the second. Nothing is asked of the
// network, and git's index, which git holds locked, is not touched.

import { readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { conflictText } from '../core/conflict-text.js'
import { DdvError, isDdvError } from '../core/errors.js'
import { encodeLock, mergeLocks, parseLock } from '../core/merge-lock.js'
import type { MergeConflict, Sides } from '../core/merge3.js'
import { encodePointer, pointerSuffix } from '../core/pointer.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import type { Environment } from '../sys/spawn.js'
import { outputOfPointer, parseMovedPointer } from '../workspace/pointers.js'
import { findWorkspace, toTreePath } from '../workspace/workspace.js'
import { mergeOutput, storeManifest } from './merge-outputs.js'
import { openProject, type Project } from './project.js'

export interface DriverCall {
  /** Files with the three versions; relative to `cwd`. */
  readonly base: string
  readonly ours: string
  readonly theirs: string
  /** Of git's markers: 7, and more where git merges two merge bases to have one, of which nobody sees anything. */
  readonly markerSize: number
  /** Of the file in the repository, relative to `cwd`. */
  readonly path: string
  readonly cwd: string
  readonly env: Environment
}

export interface DriverResult {
  /** Where the file lies in its workspace; in the repository where there is none. */
  readonly path: string
  readonly conflicts: readonly MergeConflict[]
  /** Why it could not be merged at all. */
  readonly error: DdvError | undefined
}

const usualMarkers = 7

/** A conflict leaves both versions in the file, between markers. Throws what reading or writing these files throws. */
export async function mergeForGit(call: DriverCall): Promise<DriverResult> {
  const [base, ours, theirs] = [call.base, call.ours, call.theirs].map(file =>
    readFileSync(resolve(call.cwd, file), 'utf8'),
  ) as [string, string, string]
  const write = (text: string): void => writeFileSync(resolve(call.cwd, call.ours), text)
  const workspace = findWorkspace(dirname(resolve(call.cwd, call.path)))
  const path = workspace === undefined ? call.path : toTreePath(workspace, call.path, call.cwd)
  try {
    const merge = call.path.endsWith(pointerSuffix) ? mergePointerTexts : mergeLockTexts
    const merged = await merge(call, path as TreePath, { base, ours, theirs })
    const isSeen = call.markerSize <= usualMarkers
    write(merged.conflicts.length > 0 && isSeen ? conflictText(ours, theirs) : merged.text)
    return { path, conflicts: isSeen ? merged.conflicts : [], error: undefined }
  } catch (error) {
    if (!isDdvError(error)) throw error
    write(conflictText(ours, theirs))
    return { path, conflicts: [], error }
  }
}

interface Merged {
  readonly text: string
  readonly conflicts: readonly MergeConflict[]
}

/** `file` is relative to the workspace. */
async function mergePointerTexts(call: DriverCall, file: TreePath, texts: Sides<string>): Promise<Merged> {
  const sides = {
    base: readable(() => parseMovedPointer(texts.base ?? '', file)),
    ours: parseMovedPointer(texts.ours, file),
    theirs: parseMovedPointer(texts.theirs, file),
  }
  const request = { output: outputOfPointer(file), sides, favour: 'base' } as const
  if (sides.ours.kind !== 'directory' || sides.theirs.kind !== 'directory') {
    const { pointer, conflicts } = mergeOutput(undefined, request)
    return { text: encodePointer(pointer), conflicts }
  }
  return withProjectOf(call, async project => {
    const { pointer, conflicts, entries } = mergeOutput(project, request)
    if (entries !== undefined && (conflicts.length === 0 || call.markerSize > usualMarkers))
      await storeManifest(project, entries)
    return { text: encodePointer(pointer), conflicts }
  })
}

async function withProjectOf(call: DriverCall, work: (project: Project) => Promise<Merged>): Promise<Merged> {
  const project = await openProject({ cwd: dirname(resolve(call.cwd, call.path)), env: call.env })
  try {
    return await work(project)
  } finally {
    await project.close()
  }
}

async function mergeLockTexts(_call: DriverCall, path: TreePath, texts: Sides<string>): Promise<Merged> {
  if (basename(path) !== 'ddv.lock') throw new DdvError('usage', `neither a pointer nor ddv.lock: ${displayPath(path)}`)
  const sides = {
    base: readable(() => parseLock(texts.base ?? '', path)),
    ours: parseLock(texts.ours, path),
    theirs: parseLock(texts.theirs, path),
  }
  const { lock, conflicts } = mergeLocks(sides, 'base')
  return { text: encodeLock(lock), conflicts }
}

/**
 * Without a base that can be read both sides made all of what they have: less merges, and nothing wrong. git gives an
 * empty file where each side added its own.
 */
function readable<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (isDdvError(error)) return undefined
    throw error
  }
}
