// Tags with what they say: their commit, and the message of an annotated one. By the git program where there is one, so that
// a user's signature is asked for as their configuration wants it.

import { DdvError } from '../core/errors.js'
import { requirePerson } from './commits.js'
import { tryGit } from './git-program.js'
import { asGitError, type Isomorphic, orUndefined } from './isomorphic.js'
import { findCommit, maxBlobs, openReader, type ReadOptions } from './objects.js'
import type { GitRepository } from './repository.js'

export interface Tag {
  /** Without `refs/tags/`. */
  readonly name: string
  readonly commit: string
  /** Of an annotated one, without a signature; undefined for one that is but a name. */
  readonly message: string | undefined
  /** When an annotated one was made. */
  readonly at: Date | undefined
}

export interface TagOptions extends ReadOptions {
  readonly wanted: (name: string) => boolean
  /** Below which refs git looks; all tags unless told. */
  readonly under?: string
}

const fields = ['refname:strip=2', 'objecttype', 'objectname', '*objectname', '*objecttype', 'taggerdate:unix']
const format = `${[...fields, 'contents:subject', 'contents:body'].map(field => `%(${field})%00`).join('')}`
const fieldCount = fields.length + 2

/** Those whose name is wanted and that lead to a commit, sorted by name. */
export async function listTags(
  repository: GitRepository,
  { wanted, signal, under = 'refs/tags' }: TagOptions,
): Promise<readonly Tag[]> {
  const args = ['for-each-ref', `--format=${format}`, under]
  const result = await tryGit(repository, args, { signal, maxOutput: maxBlobs })
  const tags = result === undefined ? await listWithout(repository, wanted) : splitTags(result.stdout.toString())
  return tags.filter(({ name }) => wanted(name)).sort((a, b) => (a.name < b.name ? -1 : 1))
}

function splitTags(text: string): Tag[] {
  const parts = text.split('\0')
  const tags: Tag[] = []
  for (let at = 0; at + fieldCount <= parts.length; at += fieldCount) {
    // Each but the first begins with the line break after the one before.
    const [start = '', type, id = '', target = '', targetType, seconds = '', subject = '', body = ''] = parts.slice(
      at,
      at + fieldCount,
    )
    const name = start.replace(/^\n/, '')
    if (type === 'commit') tags.push({ name, commit: id, message: undefined, at: undefined })
    if (type === 'tag' && targetType === 'commit')
      tags.push({ name, commit: target, message: messageOf(subject, body), at: new Date(Number(seconds) * 1000) })
  }
  return tags
}

const messageOf = (subject: string, body: string): string => (body === '' ? subject : `${subject}\n\n${body}`)

async function listWithout(repository: GitRepository, wanted: (name: string) => boolean): Promise<Tag[]> {
  const reader = await openReader(repository)
  const { git, base } = reader
  const tags: Tag[] = []
  for (const name of await git.listTags(base)) {
    const tag = wanted(name) ? await readWithout(reader, name) : undefined
    if (tag !== undefined) tags.push(tag)
  }
  return tags
}

async function readWithout({ git, base }: Isomorphic, name: string): Promise<Tag | undefined> {
  const id = await git.resolveRef({ ...base, ref: `refs/tags/${name}` })
  const annotated = await orUndefined(git.readTag({ ...base, oid: id }))
  if (annotated === undefined) {
    const commit = await orUndefined(git.readCommit({ ...base, oid: id }))
    return commit === undefined ? undefined : { name, commit: commit.oid, message: undefined, at: undefined }
  }
  const { object, type, message, tagger } = annotated.tag
  if (type !== 'commit') return undefined
  const [subject = '', ...rest] = message.replace(/\n+$/, '').split('\n\n')
  const text = messageOf(subject, rest.length === 0 ? '' : `${rest.join('\n\n')}\n`)
  return { name, commit: object, message: text, at: new Date((tagger?.timestamp ?? 0) * 1000) }
}

/** The one of this name; undefined where there is none that leads to a commit. */
export const findTag = async (repository: GitRepository, name: string, options: ReadOptions = {}) =>
  (await listTags(repository, { ...options, under: `refs/tags/${name}`, wanted: other => other === name }))[0]

export interface NewTag {
  readonly name: string
  /** Its id. */
  readonly commit: string
  readonly message: string
}

/** An annotated one, in the user's name. False where there is a tag of this name already, which stays. */
export async function makeTag(
  repository: GitRepository,
  { name, commit, message }: NewTag,
  { signal }: ReadOptions = {},
): Promise<boolean> {
  const target = await findCommit(repository, commit)
  if (target === undefined)
    throw new DdvError('git', `git has no such commit: ${commit}`, {
      hint: 'fetch it, then run the same command again',
    })
  if (await isThere(repository, name)) return false
  const args = ['tag', '--annotate', '--cleanup=verbatim', '--file=-', '--', name, target]
  const result = await tryGit(repository, args, { signal, input: message, answers: [0, 128] })
  if (result?.code === 0) return true
  if (result === undefined) return tagWithout(repository, { name, commit: target, message })
  if (await isThere(repository, name)) return false
  // Once more, for git's own words.
  await tryGit(repository, args, { signal, input: message })
  return true
}

async function isThere(repository: GitRepository, name: string): Promise<boolean> {
  const ref = `refs/tags/${name}`
  const result = await tryGit(repository, ['rev-parse', '--verify', '--quiet', ref], { answers: [0, 1, 128] })
  if (result !== undefined) return result.code === 0
  const { git, base } = await openReader(repository)
  return (await orUndefined(git.resolveRef({ ...base, ref }))) !== undefined
}

async function tagWithout(repository: GitRepository, { name, commit, message }: NewTag): Promise<boolean> {
  const tagger = requirePerson(repository, { hooks: ['reference-transaction'], signing: 'tag.gpgsign' })
  const { git, base } = await openReader(repository)
  try {
    await git.annotatedTag({ ...base, ref: name, object: commit, message, tagger })
    return true
  } catch (error) {
    throw asGitError(error)
  }
}
