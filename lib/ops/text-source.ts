// Where small files that people and programs write are read from: the workspace, or a commit.

import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { basename, compareUtf8, dirname, displayPath, type TreePath, treePathProblem } from '../core/tree-path.js'
import { maxYamlSize } from '../core/yaml-text.js'
import { listTree, readBlobs } from '../git/objects.js'
import { resolveRevision } from '../git/revisions.js'
import { openInside } from '../sys/inside.js'
import { readRegular } from '../sys/read-stable.js'
import { statIfThere } from '../sys/stats.js'
import { isBelowIgnored } from '../workspace/ignore.js'
import { findFiles, pointerPath, skippedParent } from '../workspace/pointers.js'
import type { Project } from './project.js'
import { requireGit, workspacePrefix } from './revision.js'

export interface TextSource {
  /** undefined for the workspace. */
  readonly at: { readonly revision: string; readonly commit: string } | undefined
  /** Files of this name anywhere but in data, sorted. */
  find(name: string): Promise<readonly TreePath[]>
  /** Those of the files that are there, or why one cannot be read. */
  read(paths: readonly TreePath[]): Promise<ReadonlyMap<TreePath, Buffer | DdvError>>
}

export function workspaceSource({ workspace, ignore }: Project): TextSource {
  const inside = openInside(workspace.root)
  const readOne = (path: TreePath): Buffer | undefined => {
    const stat = statIfThere(inside.path(path))
    if (stat === undefined) return undefined
    if (stat.isFile() && stat.size > BigInt(maxYamlSize)) throw tooLarge(path)
    const bytes = readRegular(inside.path(path))
    if (bytes === undefined) throw new DdvError('bad-config', `is not a regular file: ${displayPath(path)}`)
    return bytes
  }
  return {
    at: undefined,
    find: async name => findFiles(workspace.root, ignore, name),
    read: async paths =>
      new Map(
        paths.flatMap(path => {
          const found = orError(() => readOne(path))
          return found === undefined ? [] : [[path, found]]
        }),
      ),
  }
}

/** `name` is what the revision is called in results. Throws `usage` for an unknown one, `git` without a repository. */
export async function commitSource(
  project: Project,
  revision: string,
  { signal, name = revision }: Control & { readonly name?: string },
): Promise<TextSource> {
  const git = requireGit(project)
  const commit = await resolveRevision(git, revision)
  const prefix = workspacePrefix(project)
  const files = await listTree(git, commit, { under: prefix.slice(0, -1), wanted: () => true, signal })
  const ids = new Map(files.map(({ path, id }) => [path.slice(prefix.length), id]))
  const isData = (path: TreePath): boolean => {
    for (let at = dirname(path); at !== ''; at = dirname(at)) if (ids.has(pointerPath(at))) return true
    return false
  }
  const isFound = (path: TreePath): boolean =>
    skippedParent(path) === undefined && !isBelowIgnored(project.ignore, path) && !isData(path)
  return {
    at: { revision: name, commit },
    find: async wanted =>
      [...ids.keys()]
        .filter(path => basename(path as TreePath) === wanted && treePathProblem(path) === undefined)
        .map(path => path as TreePath)
        .filter(isFound)
        .sort(compareUtf8),
    read: async paths => {
      const there = paths.flatMap(path => {
        const id = ids.get(path)
        return id === undefined ? [] : [{ path, id }]
      })
      const blobs = await readBlobs(
        git,
        there.map(({ id }) => id),
        { signal },
      )
      return new Map(
        there.map(({ path }, i) => {
          const bytes = blobs[i] as Buffer
          return [path, bytes.length > maxYamlSize ? tooLarge(path) : bytes]
        }),
      )
    },
  }
}

const tooLarge = (path: TreePath): DdvError =>
  new DdvError('bad-config', `file is larger than ${maxYamlSize} bytes: ${displayPath(path)}`)

function orError<T>(work: () => T): T | DdvError {
  try {
    return work()
  } catch (error) {
    if (isDdvError(error)) return error
    throw error
  }
}

/** What is wrong in a commit is told with the commit's name: the file in the workspace may be a good one. */
export function namedAt({ at }: Pick<TextSource, 'at'>, error: DdvError): DdvError {
  if (at === undefined) return error
  return new DdvError(error.code, `in ${displayPath(at.revision)}: ${error.message}`, {
    cause: error,
    ...(error.hint !== undefined && { hint: error.hint }),
  })
}
