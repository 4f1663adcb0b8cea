// Params and metrics as tables: for terminals and as Markdown. Keys and values come from files of others: they are escaped,
// and cut where they are long.

import type { ValueChange } from '../core/flat-values.js'
import { flatten } from '../core/flat-values.js'
import type { Json } from '../core/json.js'
import { displayPath } from '../core/tree-path.js'
import type { MetricsResult, MetricsVersion } from '../ops/metrics.js'
import type { FileChanges, ValuesDiff } from '../ops/values-diff.js'
import type { Context } from './command.js'
import { sidesText, sideText } from './diff-text.js'
import { formatTable } from './format.js'
import { escapeMarkdown, markdownTable } from './markdown.js'
import { cutText } from './text-width.js'

/** Columns of a value, unless --verbose. */
const maxValue = 40

export interface ValuesStyle {
  /** `params`, `metrics`: for messages. */
  readonly what: string
  /** Whether how far two numbers are apart says anything. */
  readonly differences: boolean
  /** Digits behind the point; of small numbers, digits that count. */
  readonly precision: number | undefined
}

export function valuesDiffText(result: ValuesDiff, { what, ...shown }: ValuesStyle, context: Context): string {
  if (result.files.length === 0) return `no difference in ${what} between ${sidesText(result, ' and ')}\n`
  const room = context.verbose ? Number.POSITIVE_INFINITY : maxValue
  const rows = result.files.flatMap(file =>
    changeRows(file, shown).map(({ path, key, before, after, difference }) => {
      const [old, now] = [cutText(before || '(none)', room), cutText(after || '(none)', room)]
      return [path, key, old, '->', now, difference]
    }),
  )
  return `${context.style.bold(sidesText(result, ' -> '))}\n${formatTable(rows, [2, 4, 5])}`
}

export function valuesDiffMarkdown(result: ValuesDiff, { what, ...shown }: ValuesStyle): string {
  const title = escapeMarkdown(sidesText(result, ' → '))
  if (result.files.length === 0) return `No difference in ${what}: ${title}\n`
  const rows = result.files.flatMap(file =>
    changeRows(file, shown).map(({ path, key, before, after, difference }) => [
      ...[path, key, before, after],
      ...(shown.differences ? [difference] : []),
    ]),
  )
  const head = ['file', 'key', 'before', 'after', ...(shown.differences ? ['change'] : [])]
  return `${what.charAt(0).toUpperCase()}${what.slice(1)}: ${title}\n\n${markdownTable(head, rows, [2, 3, 4])}`
}

interface ChangeRow {
  readonly path: string
  readonly key: string
  readonly before: string
  readonly after: string
  readonly difference: string
}

const changeRows = ({ path, changes }: FileChanges, shown: Omit<ValuesStyle, 'what'>): readonly ChangeRow[] =>
  changes.map(change => {
    const [before, after] = twoTexts(change, shown.precision)
    return {
      ...{ path: displayPath(path), key: displayPath(change.key), before, after },
      difference: shown.differences ? differenceText(change, shown.precision) : '',
    }
  })

// Rounded they may look the same.
function twoTexts({ before, after, difference }: ValueChange, precision: number | undefined): [string, string] {
  const [old, now] = [valueText(before, precision), valueText(after, precision)]
  return old === now && difference !== 0 ? [valueText(before), valueText(after)] : [old, now]
}

const differenceText = ({ difference }: ValueChange, precision: number | undefined): string =>
  difference === undefined || difference === 0 ? '' : `${difference > 0 ? '+' : ''}${numberText(difference, precision)}`

/** '' for none; a text that could be taken for another value in quotes. */
export function valueText(value: Json | undefined, precision?: number): string {
  if (value === undefined) return ''
  if (typeof value === 'number') return numberText(value, precision)
  if (typeof value !== 'string') return displayPath(JSON.stringify(value))
  return displayPath(isAmbiguous(value) ? JSON.stringify(value) : value)
}

const isAmbiguous = (text: string): boolean =>
  /^$|^\s|\s$|^(?:true|false|null|\(none\))$|^["[{]|^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text)

function numberText(value: number, precision: number | undefined): string {
  if (precision === undefined || Number.isInteger(value)) return String(value)
  const rounded = Math.abs(value) < 1 ? value.toPrecision(Math.max(precision, 1)) : value.toFixed(precision)
  return String(Number(rounded))
}

export function metricsText({ versions }: MetricsResult, context: Context): string {
  if (versions.every(({ files }) => files.length === 0)) return 'no metrics\n'
  return versions.map(version => versionText(version, context)).join('')
}

function versionText(version: MetricsVersion, { style, verbose }: Context): string {
  const room = verbose ? Number.POSITIVE_INFINITY : maxValue
  const rows = metricRows(version).map(([path, key, value]) => [path, key, cutText(value, room)])
  const table = formatTable(rows)
  return version.commit === undefined ? table : `${style.bold(nameOf(version))}\n${table}`
}

const nameOf = ({ revision = '', commit = '' }: MetricsVersion): string =>
  commit === '' ? 'the workspace' : sideText({ revision, commit })

const metricRows = ({ files }: MetricsVersion): readonly (readonly [string, string, string])[] =>
  files.flatMap(({ path, values }) =>
    [...flatten(values)].map(([key, value]) => [displayPath(path), displayPath(key), valueText(value)] as const),
  )

export function metricsMarkdown({ versions }: MetricsResult): string {
  if (versions.every(({ files }) => files.length === 0)) return 'No metrics\n'
  const many = versions.some(({ commit }) => commit !== undefined)
  const rows = versions.flatMap(version => metricRows(version).map(row => [...(many ? [nameOf(version)] : []), ...row]))
  return markdownTable([...(many ? ['version'] : []), 'file', 'key', 'value'], rows, [many ? 3 : 2])
}
