// Parts of outputs, from a remote into the cache: the manifest of a directory, or some of its files. Of the packs that
// hold them only those ranges are asked for.

import type { Digest } from '../core/digest.js'
import { type DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { ManifestEntry } from '../core/manifest.js'
import { download } from '../remote/download.js'
import { pointerEntries } from './compare.js'
import { downloadContext, toItem } from './fetch.js'
import { openProjectRemote } from './open-remote.js'
import type { Project } from './project.js'
import type { NamedPointer } from './revision.js'

export interface PartOptions extends Control {
  /** The default remote unless told. */
  readonly remote?: string | undefined
}

export interface Part {
  readonly named: NamedPointer
  /** The files that are wanted; a directory's manifest comes in any case. */
  readonly only: ReadonlySet<Digest>
}

/** What went wrong with which part; the others are in the cache. Throws `remote` where none can be asked. */
export async function fetchParts(
  project: Project,
  parts: readonly Part[],
  { remote: name, ...control }: PartOptions,
): Promise<ReadonlyMap<NamedPointer, DdvError>> {
  if (parts.length === 0) return new Map()
  const remote = await openProjectRemote(project, { ...control, name })
  try {
    const items = parts.map(({ named, only }) => ({ ...toItem(named.path, named.pointer), only }))
    const result = await download({ remote, ...downloadContext(project) }, items, control)
    return new Map(
      result.items.flatMap(({ error }, i) => (error === undefined ? [] : [[(parts[i] as Part).named, error] as const])),
    )
  } finally {
    await remote.close()
  }
}

export type Listing = { readonly entries: readonly ManifestEntry[] } | { readonly error: DdvError }

/**
 * The rows of each of these outputs; one with the path '' for a file. Manifests that the cache lacks are fetched, all at
 * once; why a listing cannot be had is told with it.
 */
export async function listEntries(
  project: Project,
  outputs: readonly NamedPointer[],
  options: PartOptions,
): Promise<ReadonlyMap<NamedPointer, Listing>> {
  const listings = new Map(outputs.map(named => [named, listingOf(project, named)]))
  const absent = outputs.filter(named => isMissing(listings.get(named)))
  if (absent.length === 0 || project.config.remotes.size === 0) return listings
  const parts = absent.map(named => ({ named, only: new Set<Digest>() }))
  const failed = await fetchParts(project, parts, options).catch(error => {
    if (!isDdvError(error, 'remote', 'bad-config')) throw error
    return new Map(absent.map(named => [named, error]))
  })
  for (const named of absent) {
    const error = failed.get(named)
    listings.set(named, error === undefined ? listingOf(project, named) : { error })
  }
  return listings
}

function listingOf(project: Project, { path, pointer }: NamedPointer): Listing {
  try {
    return { entries: pointerEntries(project, path, pointer) }
  } catch (error) {
    if (!isDdvError(error)) throw error
    return { error }
  }
}

// A damaged manifest was set aside just now: it is fetched like one that is missing.
const isMissing = (listing: Listing | undefined): boolean =>
  listing !== undefined && 'error' in listing && isDdvError(listing.error, 'missing', 'corrupt')
