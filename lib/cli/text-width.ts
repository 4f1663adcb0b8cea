// How many columns a text takes on a terminal. Small on purpose: the package `string-width`, which this stands in for
// in the bundle (yargs asks for it), costs 15 ms at each start for what names of files have no need of.

/** Columns of text without control characters; colours take none. East Asian wide characters and emoji take two. */
export default function textWidth(text: string): number {
  let width = 0
  for (const character of text.replace(/\u001b\[[0-9;]*m/g, '')) width += characterWidth(character.codePointAt(0) ?? 0)
  return width
}

/** As much of it as has room in so many columns, with a sign where it goes on. Of text without colours. */
export function cutText(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text
  let cut = ''
  let width = 0
  for (const character of text) {
    width += characterWidth(character.codePointAt(0) ?? 0)
    if (width > columns - 3) break
    cut += character
  }
  return `${cut}...`
}

function characterWidth(code: number): number {
  if (code < 0x300) return 1
  if (isIn(zeroWidth, code)) return 0
  return isIn(doubleWidth, code) ? 2 : 1
}

type Ranges = readonly (readonly [number, number])[]

/** Marks that join the character before: the blocks of them, joiners and variation selectors. */
const zeroWidth: Ranges = [
  [0x300, 0x36f],
  [0x1ab0, 0x1aff],
  [0x1dc0, 0x1dff],
  [0x200b, 0x200f],
  [0x20d0, 0x20ff],
  [0xfe00, 0xfe0f],
  [0xfe20, 0xfe2f],
]

/** The blocks of Unicode Standard Annex 11 that are wide as a whole, or nearly. */
const doubleWidth: Ranges = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1f9ff],
  [0x1fa70, 0x1faff],
  [0x20000, 0x3fffd],
]

const isIn = (ranges: Ranges, code: number): boolean => ranges.some(([from, to]) => code >= from && code <= to)
