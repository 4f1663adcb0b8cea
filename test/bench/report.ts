// Rows as a table for a person, and as JSON for a program.

import { cpuRatioOf, isMet, type Row, ratioOf, type Unit } from './bench.js'

const heads = ['case', 'what', 'ddv', 'reference', 'ratio', 'cpu', 'goal', '']

export function formatRows(rows: readonly Row[]): string {
  const cells = rows.map(row => {
    const ratio = ratioOf(row)
    const met = isMet(row)
    return [
      row.case,
      row.what,
      amount(row.ddv, row.unit),
      row.reference === undefined ? '' : `${row.reference.name}: ${amount(row.reference.value, row.unit)}`,
      times(ratio),
      times(cpuRatioOf(row)),
      goalText(row),
      met === undefined ? (row.goal === undefined ? '' : 'not measured') : met ? 'met' : 'NOT MET',
    ]
  })
  const widths = heads.map((head, i) => Math.max(...[head, ...cells.map(row => row[i] ?? '')].map(text => text.length)))
  const line = (row: readonly string[]): string =>
    row
      .map((text, i) => text.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd()
  return [line(heads), widths.map(width => '-'.repeat(width)).join('  '), ...cells.map(line)].join('\n')
}

const times = (ratio: number | undefined): string => (ratio === undefined ? '' : `${ratio.toFixed(2)}×`)

function goalText({ goal, unit }: Row): string {
  if (goal === undefined) return ''
  if (goal.type === 'amount') return `≤ ${amount(goal.limit, unit)}`
  if (goal.strict === true) return `< ${goal.limit}×`
  return goal.limit < 1 ? `≤ 1/${Math.round(1 / goal.limit)}×` : `≤ ${goal.limit}×`
}

function amount(value: number, unit: Unit): string {
  if (unit === 'ms') return value < 1000 ? `${value.toFixed(1)} ms` : `${(value / 1000).toFixed(2)} s`
  if (unit === 'requests') return String(Math.round(value * 1000) / 1000)
  if (value < 10_000) return `${Math.round(value)} B`
  return value < 1e7 ? `${(value / 1e3).toFixed(1)} KB` : `${(value / 1e6).toFixed(1)} MB`
}

export const rowsAsJson = (rows: readonly Row[]): unknown =>
  rows.map(row => ({ ...row, ratio: ratioOf(row), cpuRatio: cpuRatioOf(row), met: isMet(row) }))
