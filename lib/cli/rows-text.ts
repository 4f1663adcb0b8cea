// What `ddv diff --rows` says of each table. Values come from data: they are escaped, and cut where they are long.

import { displayPath } from '../core/tree-path.js'
import type { RowChange, Values } from '../data/row-diff.js'
import type { DiffRowsResult, TableDiff } from '../ops/diff-rows.js'
import type { Context } from './command.js'
import { formatCount, formatNumber } from './format.js'
import { escapeMarkdown, markdownTable } from './markdown.js'

/** Of one table, unless --verbose. */
const maxRows = 10
const maxMarkdownRows = 50
const maxValue = 40

export function rowsText({ tables }: DiffRowsResult, context: Context): string {
  return tables.map(table => tableText(table, context)).join('')
}

function tableText(table: TableDiff, { style, verbose, io }: Context): string {
  const lines = [`${style.bold(displayPath(table.path))}: ${countsText(table)}`, ...schemaLines(table)]
  if (table.changedIn.length > 0)
    lines.push(
      `    changed in ${table.changedIn.map(({ name, rows }) => `${shorten(name)} (${formatNumber(rows)})`).join(', ')}`,
    )
  const shown = verbose ? table.changes : table.changes.slice(0, maxRows)
  const signs = { added: style.green('+'), removed: style.red('-'), changed: style.yellow('~') }
  // Cut before colours come in, which have no width.
  for (const change of shown)
    lines.push(
      `    ${signs[change.change]} ${cut(changeText(change), verbose ? Number.POSITIVE_INFINITY : io.stdout.columns - 6)}`,
    )
  const more = table.added + table.removed + table.changed - shown.length
  if (more > 0) lines.push(`    and ${formatCount(more, 'row')} more`)
  return lines.map(line => `${line}\n`).join('')
}

function countsText({ added, removed, changed, rows, key }: TableDiff): string {
  const counts = [`${formatNumber(added)} added`, `${formatNumber(removed)} removed`]
  if (key.length > 0) counts.push(`${formatNumber(changed)} changed`)
  const by = key.length === 0 ? 'whole rows, no column is a key' : `by ${key.map(shorten).join(', ')}`
  const total =
    rows.before === rows.after
      ? formatCount(rows.after, 'row')
      : `${formatNumber(rows.before)} -> ${formatCount(rows.after, 'row')}`
  return `${total}, ${counts.join(', ')} (${by})`
}

const schemaLines = ({ columns }: TableDiff): string[] => [
  ...columns.added.map(({ name, type }) => `    column added: ${shorten(name)} ${displayPath(type)}`),
  ...columns.removed.map(({ name, type }) => `    column removed: ${shorten(name)} ${displayPath(type)}`),
  ...columns.retyped.map(
    ({ name, before, after }) => `    column ${shorten(name)}: ${displayPath(before)} -> ${displayPath(after)}`,
  ),
]

function changeText({ row, before, after }: RowChange): string {
  const own = pairsText(row)
  if (before === undefined || after === undefined) return own
  return `${own}: ${Object.keys(after)
    .map(name => `${shorten(name)} ${valueText(before[name])} -> ${valueText(after[name])}`)
    .join(', ')}`
}

const pairsText = (values: Values): string =>
  Object.entries(values)
    .map(([name, value]) => `${shorten(name)}=${valueText(value)}`)
    .join(' ')

const valueText = (value: string | null | undefined): string =>
  value === null || value === undefined ? '(none)' : shorten(value === '' ? '""' : value)

const shorten = (text: string): string => cut(displayPath(text), maxValue)

function cut(text: string, length: number): string {
  const characters = [...text]
  return characters.length <= length ? text : `${characters.slice(0, Math.max(1, length - 3)).join('')}...`
}

/** A section a table: what changed in its columns, and the rows. */
export function rowsMarkdown({ tables }: DiffRowsResult): string {
  return tables
    .map(table => {
      const schema = schemaLines(table)
        .map(line => `- ${escapeMarkdown(line.trim())}\n`)
        .join('')
      const rows = table.changes.slice(0, maxMarkdownRows).map(markdownRow)
      const more = table.added + table.removed + table.changed - rows.length
      const body =
        rows.length === 0
          ? ''
          : `${markdownTable(['row', 'before', 'after'], rows)}${more > 0 ? `\nand ${formatCount(more, 'row')} more\n` : ''}`
      return `\n### ${escapeMarkdown(displayPath(table.path))}\n\n${escapeMarkdown(countsText(table))}\n\n${schema}${schema === '' ? '' : '\n'}${body}`
    })
    .join('')
}

function markdownRow({ change, row, before, after }: RowChange): string[] {
  if (change === 'added') return ['added', '', pairsText(row)]
  if (change === 'removed') return ['removed', pairsText(row), '']
  return [pairsText(row), pairsText(before ?? {}), pairsText(after ?? {})]
}
