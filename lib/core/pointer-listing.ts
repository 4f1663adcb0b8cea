// A pointer as `git diff` shows it: what a person wants to compare, line by line.

import { canonicalJson } from './json.js'
import { isFileEntry, type ManifestEntry } from './manifest.js'
import type { Pointer } from './pointer.js'
import { displayPath } from './tree-path.js'

/** Hex digits of a file's digest: enough to tell versions apart. */
const digits = 12

/** `rows` of a directory: its manifest's, or why there are none. Ends in a newline. */
export function pointerListing(pointer: Pointer, rows: readonly ManifestEntry[] | string): string {
  const lines = [`${pointer.kind} ${displayPath(pointer.filename)}`, `hash ${pointer.hash}`, `size ${pointer.size}`]
  if (pointer.kind === 'directory') lines.push(`files ${pointer.files}`)
  if (pointer.kind === 'file' && pointer.executable) lines.push('executable')
  for (const [key, value] of Object.entries(pointer.meta ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)))
    lines.push(`meta ${displayPath(key)}: ${displayPath(canonicalJson(value) ?? '')}`)
  if (pointer.kind === 'directory')
    if (typeof rows === 'string') lines.push(`(${rows})`)
    else lines.push('', ...rows.map(rowText))
  return `${lines.join('\n')}\n`
}

function rowText(entry: ManifestEntry): string {
  if (!isFileEntry(entry)) return `${displayPath(entry.path)}/`
  const mark = entry.executable ? ' executable' : ''
  return `${displayPath(entry.path)} ${entry.size} ${entry.digest.slice(0, digits)}${mark}`
}
