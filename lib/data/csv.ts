// Rows as CSV (RFC 4180): a head line, `\n` behind each line, and quotes only where they are needed, so that the same rows
// are the same bytes from every warehouse. Null is an empty field and an empty text is `""`, so that they stay apart.
//
// A small encoder of our own: csv-stringify, the best known package, wrote 0.7 million rows of six values a second where
// this one wrote 2.2 (0.5 as a stream), which for ten million rows is 14 s against 4.5 s.

import type { Column, Value } from './connection.js'

/** What must be in quotes to be read as it is. */
const special = /[",\r\n]/

const quoted = (text: string): string => (text === '' || special.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

const field = (value: Value): string =>
  value === null ? '' : typeof value === 'string' ? quoted(value) : String(value)

/** Names are always texts: one that is empty is `""`. */
export const csvHead = (columns: readonly Column[]): string => `${columns.map(({ name }) => quoted(name)).join(',')}\n`

export function csvLines(rows: readonly (readonly Value[])[]): string {
  let text = ''
  for (const row of rows) {
    let separator = ''
    for (const value of row) {
      text += separator + field(value)
      separator = ','
    }
    text += '\n'
  }
  return text
}
