// Git tags of what is registered, made from the records on the remote: here where it is registered, or by whoever has the
// repository.

import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { Artifact } from '../core/lockfile.js'
import { type ModelName, type ModelVersion, promotionTag, versionTag } from '../core/model-name.js'
import {
  encodeModelRecord,
  encodePromotion,
  isSameModel,
  type ModelRecord,
  type PromotionRecord,
} from '../core/model-record.js'
import { displayPath } from '../core/tree-path.js'
import type { GitRepository } from '../git/repository.js'
import { findCommit } from '../git/revisions.js'
import { findTag, makeTag, type NewTag, type Tag } from '../git/tags.js'
import { historiesInGit, recordOfTag } from './model-histories.js'
import type { Project } from './project.js'

export interface VersionOfModel {
  readonly name: ModelName
  readonly version: ModelVersion
  readonly artifact: Artifact
  /** What the remote has of it already. */
  readonly record: ModelRecord | undefined
}

/**
 * Before anything is written: throws `refused` where git has a tag for the version that is of other bytes, or of another commit
 * than the record's, and where HEAD is the commit of another version; `git` without a commit. In production the tag may come
 * later, and elsewhere.
 */
export async function refuseTags(
  { git, config }: Project,
  { name, version, artifact, record }: VersionOfModel,
): Promise<void> {
  if (git === undefined || config.environment === 'production') return
  const tag = await findTag(git, versionTag(name, version))
  if (tag !== undefined) return refuseOther(tag, artifact, record?.commit)
  const commit = await findCommit(git, record?.commit ?? 'HEAD')
  if (commit === undefined && record === undefined)
    throw new DdvError('git', `there is no commit yet that could be tagged: ${displayPath(git.root)}`, {
      hint: 'commit first, so that the tag says what the model was made of',
    })
  if (commit !== undefined) await refuseSecondVersion(git, { name, version, commit })
}

function refuseOther(tag: Tag, artifact: Artifact, commit: string | undefined): void {
  const { name } = tag
  const told = recordOfTag(tag)?.artifact
  if (told === undefined ? commit === undefined || tag.commit === commit : isSameModel(told, artifact)) return
  const what = told === undefined ? `another commit (${tag.commit.slice(0, 12)})` : 'a model with another digest'
  throw new DdvError('refused', `git has this tag already, of ${what}: ${name}`, {
    hint: `'git show ${name}' tells what it is; where it is wrong: git tag --delete '${name}'`,
  })
}

/**
 * Throws `refused` where the commit is that of another version of the model: whoever reads tags as GTO does tells versions, and
 * what was promoted, by their commits alone, and takes two on one for an error.
 */
export async function refuseSecondVersion(
  git: GitRepository,
  { name, version, commit }: { readonly name: ModelName; readonly version: ModelVersion; readonly commit: string },
): Promise<void> {
  const [history] = await historiesInGit(git, { name })
  const other = history?.versions.find(one => one.commit === commit && one.version !== version)
  if (other === undefined) return
  throw new DdvError('refused', `the commit has a version of the model already: ${versionTag(name, other.version)}`, {
    hint: `commit the model that ${version} is to be, then register it: a commit can have one version`,
  })
}

export interface Tagged {
  readonly tag: string
  /** False: it was there. */
  readonly made: boolean
}

/**
 * Throws `missing` where nothing says of which commit it is, or git has not that commit here; `refused` where git has the tag
 * of something else; `git` where git cannot make it.
 */
export const tagVersion = (git: GitRepository, record: ModelRecord, control: Control): Promise<Tagged> =>
  tag(git, record, {
    ...control,
    name: versionTag(record.model, record.version),
    message: `${record.model} ${record.version}\n\n${encodeModelRecord(record)}`,
    check: there => refuseOther(there, record.artifact, record.commit),
    before: commit => refuseSecondVersion(git, { name: record.model, version: record.version, commit }),
  })

/** The same for a promotion. */
export const tagPromotion = (git: GitRepository, record: PromotionRecord, control: Control): Promise<Tagged> =>
  tag(git, record, {
    ...control,
    name: promotionTag(record.model, record.stage, record.number),
    message: `${record.model} ${record.version} to ${record.stage}\n\n${encodePromotion(record)}`,
    check: () => undefined,
  })

interface Tagging extends Control, Pick<NewTag, 'name' | 'message'> {
  readonly check: (there: Tag) => void
  readonly before?: (commit: string) => Promise<void>
}

async function tag(
  git: GitRepository,
  { commit: named }: Pick<ModelRecord, 'commit'>,
  tagging: Tagging,
): Promise<Tagged> {
  const { name, check, signal } = tagging
  const there = await findTag(git, name)
  if (there !== undefined) {
    check(there)
    return { tag: name, made: false }
  }
  if (named === undefined)
    throw new DdvError('missing', `nothing says of which commit the git tag is to be: ${name}`, {
      hint: 'set DDV_REV where models are registered without git',
    })
  const commit = await findCommit(git, named)
  if (commit === undefined)
    throw new DdvError('missing', `git has no commit ${displayPath(named)} here, of which the tag is to be: ${name}`, {
      hint: `'ddv registry tag' makes the tag in a clone that has the commit`,
    })
  await tagging.before?.(commit)
  if (await makeTag(git, { ...tagging, commit }, { signal })) return { tag: name, made: true }
  // Another process made it meanwhile.
  const other = await findTag(git, name)
  if (other !== undefined) check(other)
  return { tag: name, made: false }
}

/**
 * The tag's name, of what is registered already: that it cannot be made here, for lack of the commit, is a warning; and in
 * production, whatever git says. undefined then, and without git.
 */
export async function tagOrWarn(
  { git, config }: Project,
  make: (git: GitRepository) => Promise<Tagged>,
  { onEvent }: Control,
): Promise<string | undefined> {
  if (git === undefined) return undefined
  const hint = `it is registered all the same, and 'ddv registry tag' makes the tag`
  try {
    return (await make(git)).tag
  } catch (error) {
    // A container has no name in git, and need not have one.
    const inProduction = config.environment === 'production'
    const passes = isDdvError(error, 'missing') || (inProduction && isDdvError(error, 'git', 'refused'))
    if (passes) {
      onEvent?.({ type: 'warning', message: error.message, hint: error.hint ?? hint })
      return undefined
    }
    if (!isDdvError(error, 'git')) throw error
    throw new DdvError('git', error.message, { cause: error, hint: `${error.hint ?? 'see what git says'}; ${hint}` })
  }
}
