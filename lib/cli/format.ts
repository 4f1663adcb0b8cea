// Sizes, times and tables for people.

import textWidth from './text-width.js'

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** Powers of ten, as disks and links are sold: 10 MB is 10,000,000 bytes. Three digits at most. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  // 999.5 would round to 1000.
  while (Math.abs(value) >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  const digits = unit === 0 || Math.abs(value) >= 99.95 ? 0 : Math.abs(value) >= 9.995 ? 1 : 2
  return `${value.toFixed(digits)} ${units[unit]}`
}

/** `1 file`, `2 files`; with the number grouped: `12,345 files`. */
export const formatCount = (count: number, one: string, many = `${one}s`): string =>
  `${formatNumber(count)} ${count === 1 ? one : many}`

// Not toLocaleString: loading Intl's data costs 10 ms at start.
export const formatNumber = (value: number): string => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',')

/** Seconds as `42 s`, `3 min 05 s`, `2 h 10 min`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) return `${whole} s`
  const two = (value: number): string => String(value).padStart(2, '0')
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`
}

/** Rows as lines of aligned columns, two spaces apart; `right` tells which columns are numbers. */
export function formatTable(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths: number[] = []
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, textWidth(cell))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => {
        const space = ' '.repeat((widths[i] ?? 0) - textWidth(cell))
        return right.includes(i) ? space + cell : cell + space
      })
      .join('  ')
  return rows.map(row => `${line(row).trimEnd()}\n`).join('')
}

/** Digits that ids of commits and digests are shown with. */
export const shortId = 8
