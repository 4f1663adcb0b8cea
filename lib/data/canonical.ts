// Values as every warehouse gives them: the same for the same, whatever a driver makes of them.

import type { Value } from './connection.js'

const day = 86_400_000

/** A whole number from its decimal digits. */
export function wholeNumber(text: string): number | bigint {
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : BigInt(text)
}

export const ofBigInt = (value: bigint): number | bigint => {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** The shortest number that is the same in 32 bits: `0.1` and not `0.10000000149011612`. */
export function ofFloat(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return value === Math.fround(Number(value.toPrecision(9))) ? Number(value.toPrecision(9)) : value
}

/** Of days since 1970; undefined beyond what JavaScript's dates reach (the year 275760). */
export function isoDate(days: number): string | undefined {
  if (days === lastDay) return lastText
  const date = new Date(days * day)
  if (Number.isNaN(date.getTime())) return undefined
  lastDay = days
  lastText = date.toISOString().slice(0, -14)
  return lastText
}
// Rows near each other are of one day: a Date costs five times as much as all else here.
let lastDay = Number.NaN
let lastText = ''

/** Of microseconds since 1970, without a zone. */
export function isoTimestamp(micros: bigint): string | undefined {
  const exact = Number(micros)
  if (!Number.isSafeInteger(exact)) return isoOfNanos(micros * 1000n)
  const days = Math.floor(exact / (day * 1000))
  const date = isoDate(days)
  const rest = exact - days * day * 1000
  return date === undefined ? undefined : `${date}T${clock(Math.floor(rest / 1e6))}${fraction(rest % 1e6, 6)}`
}

/** Of nanoseconds since 1970. */
export function isoOfNanos(nanos: bigint): string | undefined {
  const perDay = BigInt(day) * 1_000_000n
  const days = nanos / perDay - (nanos % perDay < 0n ? 1n : 0n)
  const date = isoDate(Number(days))
  const rest = nanos - days * perDay
  if (date === undefined) return undefined
  return `${date}T${clock(Number(rest / 1_000_000_000n))}${fraction(Number(rest % 1_000_000_000n), 9)}`
}

const two = Array.from({ length: 60 }, (_, i) => String(i).padStart(2, '0'))

const clock = (seconds: number): string =>
  `${two[Math.floor(seconds / 3600)]}:${two[Math.floor(seconds / 60) % 60]}:${two[seconds % 60]}`

const fraction = (value: number, digits: number): string =>
  value === 0 ? '' : `.${String(value).padStart(digits, '0').replace(/0+$/, '')}`

const sqlTime = /^(-?\d{4,})-(\d\d)-(\d\d)(?:[ T](\d\d:\d\d:\d\d)(\.\d+)?)?(Z|[+]00(?::?00)?)?( BC)?$/

/** From SQL's text of a date or timestamp in UTC: `2024-01-02 03:04:05.60+00`. What it does not know stays as it is. */
export function isoText(text: string): string {
  const [all, year = '', month, date, time, part = '', zone, bc] = sqlTime.exec(text) ?? []
  if (all === undefined) return text
  const day = `${isoYear(Number(year), bc !== undefined)}-${month}-${date}`
  if (time === undefined) return day
  return `${day}T${time}${part.replace(/\.?0+$/, '')}${zone === undefined ? '' : 'Z'}`
}

// The year before 1 is 0 in ISO 8601, and what has not four digits has a sign and six.
function isoYear(year: number, bc: boolean): string {
  const value = bc ? 1 - year : year
  if (value >= 0 && value <= 9999) return String(value).padStart(4, '0')
  return `${value < 0 ? '-' : '+'}${String(Math.abs(value)).padStart(6, '0')}`
}

export const hexText = (bytes: Uint8Array): string =>
  `\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`

/** For lists and records: JSON, in which what JSON cannot hold is a text. */
export const jsonText = (value: unknown): Value => JSON.stringify(value)
