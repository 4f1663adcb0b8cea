// Paths inside a workspace or a tracked directory. They come from pointers, manifests, recipes and listings, all of
// which a stranger may have written: this parser is the only way from such a string to a TreePath, and only a TreePath
// is ever joined to a directory (see sys/inside.ts).

import { DdvError } from './errors.js'

declare const treePathBrand: unique symbol
/** Relative, `/`-separated, no empty, `.` or `..` segment, no NUL, nothing that leads into `.git` or `.ddv`. */
export type TreePath = string & { readonly [treePathBrand]: true }

/** Bytes; what Linux and macOS allow for a name and for a path. */
const maxSegment = 255
const maxPath = 4096

// Code points that HFS+ ignores in names: `.g\u200cit` opens `.git` there (CVE-2014-9390).
const ignorable = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/gu

/** True for names that some file system takes for `.git` or `.ddv`, so that nothing is ever written there. */
export function isReservedName(segment: string): boolean {
  // Windows drops trailing dots and spaces, cuts at `:` (streams), and knows GIT~1 as a short name.
  const folded = segment
    .normalize('NFKC')
    .replace(ignorable, '')
    .toLowerCase()
    .replace(/:.*$/s, '')
    .replace(/[. ]+$/, '')
  return folded === '.git' || folded === '.ddv' || folded === 'git~1' || folded === 'ddv~1'
}

// What nearly all names are: no separator, nothing that is folded, too short to be too long, and no first `.`.
const plainName = /^[\w-][\w.-]{0,62}$/

/** Why the text is no tree path, or undefined where it is one. */
export function treePathProblem(text: string, platform: NodeJS.Platform = 'linux'): string | undefined {
  if (plainName.test(text)) return undefined
  if (text === '') return 'is empty'
  if (text.includes('\0')) return 'holds a NUL'
  if (!text.isWellFormed()) return 'is not valid Unicode'
  if (text.startsWith('/')) return 'is absolute'
  if (/^[A-Za-z]:/.test(text)) return 'starts with a drive letter'
  if (platform === 'win32' && text.includes('\\')) return 'holds a backslash'
  if (text.length > maxPath / 4 && Buffer.byteLength(text) > maxPath) return `is longer than ${maxPath} bytes`
  for (const segment of text.split('/')) {
    const problem = segmentProblem(segment)
    if (problem !== undefined) return problem
  }
  return undefined
}

function segmentProblem(segment: string): string | undefined {
  if (segment === '') return 'has an empty part'
  if (segment === '.' || segment === '..') return `has the part '${segment}'`
  if (segment.length > maxSegment / 4 && Buffer.byteLength(segment) > maxSegment)
    return `has a part longer than ${maxSegment} bytes`
  // The cheap test first: parts of a million paths come by here.
  if (mayBeReserved(segment) && isReservedName(segment))
    return `leads into '${displayPath(segment)}', which is not for data`
  return undefined
}

// Only names that begin with `.`, `g`, `d` or anything beyond ASCII can fold to a reserved one.
function mayBeReserved(segment: string): boolean {
  const first = segment.charCodeAt(0) | 0x20
  return first === 0x2e || first === 0x67 || first === 0x64 || first > 0x7e
}

/** Throws `bad-path` with the offending text, escaped. */
export function parseTreePath(text: string, platform?: NodeJS.Platform): TreePath {
  const problem = treePathProblem(text, platform)
  if (problem !== undefined) throw new DdvError('bad-path', `path ${problem}: ${displayPath(text)}`)
  return text as TreePath
}

export const joinTreePath = (parent: TreePath | '', child: TreePath): TreePath =>
  (parent === '' ? child : `${parent}/${child}`) as TreePath

/** Everything before the last `/`, '' at the top. */
export function dirname(path: TreePath): TreePath | '' {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? '' : (path.slice(0, slash) as TreePath)
}

export const basename = (path: TreePath): string => path.slice(path.lastIndexOf('/') + 1)

/** Whether `path` is `parent` or lies below it; '' is the parent of all. */
export const isWithin = (path: TreePath | '', parent: TreePath | ''): boolean =>
  parent === '' || path === parent || path.startsWith(`${parent}/`)

/** Order of the UTF-8 bytes, without making them: UTF-16 order differs only where surrogates meet U+E000–U+FFFF. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return x >= 0xd800 && y >= 0xd800 ? codePointOrder(x) - codePointOrder(y) : x - y
  }
  return a.length - b.length
}

const codePointOrder = (unit: number): number => (unit < 0xe000 ? unit + 0x2000 : unit - 0x800)

/** For messages and listings: control characters and bidi overrides escaped, so that a name cannot draw on a terminal. */
export const displayPath = (text: string): string =>
  text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, c =>
    c === '\n' ? '\\n' : c === '\t' ? '\\t' : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
