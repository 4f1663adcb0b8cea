// Which texts are values of which type. What checks a table and what reads a schema's bounds go by the same patterns; all
// are of the syntax that RE2 and JavaScript share, for the whole text.

import type { ColumnType } from './table-shape.js'

export const integerPattern = '[+-]?[0-9]+'
export const numberPattern = '[+-]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)(?:[eE][+-]?[0-9]+)?'
export const datePattern = '[0-9]{4}-[0-9]{2}-[0-9]{2}'
/** ISO 8601, with a space for the `T` where one likes; a date by itself is its midnight. What has no zone is UTC. */
export const timestampPattern = `${datePattern}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?`

const whole = (pattern: string): RegExp => new RegExp(`^(?:${pattern})$`)
const date = whole(datePattern)
const timestamp = whole(timestampPattern)

export type SchemaValue = string | number | boolean

/** Why a value in a schema is none of the column's type, as the end of a sentence, or undefined. */
export function valueProblem(value: SchemaValue, type: ColumnType): string | undefined {
  switch (type) {
    case 'integer':
      return Number.isSafeInteger(value) ? undefined : 'a whole number that is exact'
    case 'number':
      return typeof value === 'number' ? undefined : 'a number'
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'true or false'
    case 'string':
      return typeof value === 'string' ? undefined : 'a text'
    case 'date':
      return typeof value === 'string' && date.test(value) && isDay(value) ? undefined : "a date such as '2026-03-01'"
    case 'timestamp':
      return typeof value === 'string' && timestamp.test(value) && isDay(value) && !Number.isNaN(timeOf(value))
        ? undefined
        : "a time such as '2026-03-01T12:00:00Z'"
  }
}

/** Milliseconds, of a text that fits the pattern of times; NaN for an hour that no day has. */
export function timeOf(text: string): number {
  const [, day, clock = '00:00', zone = 'Z'] = /^(.{10})(?:[T ](.*?)(Z|[+-][0-9:]+)?)?$/.exec(text) ?? []
  const [, sign, hours, minutes = '00'] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? []
  return Date.parse(`${day}T${clock}${sign === undefined ? 'Z' : `${sign}${hours}:${minutes}`}`)
}

// 2026-02-30 is a day in March to `Date`.
const isDay = (text: string): boolean => {
  const day = text.slice(0, 10)
  const time = Date.parse(`${day}T00:00Z`)
  return day >= '0001' && !Number.isNaN(time) && new Date(time).toISOString().startsWith(day)
}
