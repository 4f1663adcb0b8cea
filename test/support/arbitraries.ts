// What fast-check makes of the formats.

import fc from 'fast-check'
import type { Digest } from '../../lib/core/digest.js'
import { type ManifestEntry, sortEntries } from '../../lib/core/manifest.js'
import { type TreePath, treePathProblem } from '../../lib/core/tree-path.js'

const unit = fc.oneof(
  fc.constantFrom('a', 'b', 'A', '.', ' ', '-', '!', '0', '"', '\\', '\n', 'é', '\ue000', '😀', '\u007f'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
)

export const segmentArbitrary = fc
  .string({ unit, minLength: 1, maxLength: 6 })
  .filter(name => !name.includes('/') && treePathProblem(name) === undefined)

export const pathArbitrary: fc.Arbitrary<TreePath> = fc
  .array(segmentArbitrary, { minLength: 1, maxLength: 4 })
  .map(parts => parts.join('/') as TreePath)

export const digestArbitrary: fc.Arbitrary<Digest> = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map(bytes => Buffer.from(bytes).toString('hex') as Digest)

export const sizeArbitrary = fc.oneof(fc.constantFrom(0, 1, Number.MAX_SAFE_INTEGER), fc.maxSafeNat())

const entryArbitrary: fc.Arbitrary<ManifestEntry> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      path: pathArbitrary,
      digest: digestArbitrary,
      size: sizeArbitrary,
      executable: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ path: pathArbitrary, digest: fc.constant(undefined) }) },
)

/** Entries as a directory may have them: sorted, and no path a file and a directory at once. */
export const entriesArbitrary: fc.Arbitrary<ManifestEntry[]> = fc
  .array(entryArbitrary, { maxLength: 12 })
  .map(entries => {
    const kept: ManifestEntry[] = []
    for (const entry of entries) {
      const meets = (other: ManifestEntry): boolean =>
        `${other.path}/`.startsWith(`${entry.path}/`) || `${entry.path}/`.startsWith(`${other.path}/`)
      if (!kept.some(meets)) kept.push(entry)
    }
    return sortEntries(kept)
  })
