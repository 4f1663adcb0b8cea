// PostgreSQL's types and values in the words of connections: it sends all of them as texts.

import type { FieldDef } from 'pg'
import { isoText, wholeNumber } from './canonical.js'
import type { Column, ColumnType, Value } from './connection.js'

type Parser = (text: string) => Value

/** By PostgreSQL's own numbers of its types, which never change. */
const oids = {
  ...{ bool: 16, int8: 20, int2: 21, int4: 23, oid: 26, float4: 700, float8: 701 },
  ...{ date: 1082, timestamp: 1114, timestamptz: 1184, numeric: 1700 },
}

const types: Readonly<Record<number, ColumnType>> = {
  [oids.bool]: 'boolean',
  ...{ [oids.int8]: 'integer', [oids.int2]: 'integer', [oids.int4]: 'integer', [oids.oid]: 'integer' },
  ...{ [oids.float4]: 'number', [oids.float8]: 'number', [oids.numeric]: 'number' },
  ...{ [oids.date]: 'date', [oids.timestamp]: 'timestamp', [oids.timestamptz]: 'timestamp' },
}

const asIs: Parser = text => text

const parsers: Readonly<Record<number, Parser>> = {
  [oids.bool]: text => text === 't',
  ...{ [oids.int2]: Number, [oids.int4]: Number, [oids.oid]: Number, [oids.int8]: wholeNumber },
  ...{ [oids.float4]: Number, [oids.float8]: Number },
  ...{ [oids.date]: dateText, [oids.timestamp]: timestampText, [oids.timestamptz]: timestampText },
}

export const parserOf = (oid: number): Parser => parsers[oid] ?? asIs

// Of most dates nothing is to be changed, and of most times a letter or two; the rest takes ten times as long.
function dateText(text: string): string {
  return text.length === 10 ? text : isoText(text)
}

function timestampText(text: string): string {
  if (text.charCodeAt(4) !== dash || text.charCodeAt(10) !== blank || text.endsWith('C')) return isoText(text)
  const instant = text.endsWith('+00')
  return `${text.slice(0, 10)}T${instant ? `${text.slice(11, -3)}Z` : text.slice(11)}`
}
const dash = 0x2d
const blank = 0x20

export function columnOf(pg: typeof import('pg'), { name, dataTypeID: oid, dataTypeModifier }: FieldDef): Column {
  const size = oid === oids.numeric ? numericSize(dataTypeModifier) : undefined
  return {
    name,
    // A decimal without places is a whole number, as many as its digits may be.
    type: size?.scale === 0 ? 'integer' : (types[oid] ?? 'string'),
    nativeType: nameOf(pg, oid) + (size === undefined ? '' : `(${size.precision},${size.scale})`),
    ...(oid === oids.timestamptz && { instant: true }),
  }
}

// The package knows the built-in types; those that a database made have numbers alone.
function nameOf({ types }: typeof import('pg'), oid: number): string {
  const [name] = Object.entries(types.builtins).find(([, known]) => known === oid) ?? []
  return name?.toLowerCase() ?? `type ${oid}`
}

/** As the modifier of a numeric packs it, behind the length of a header; undefined for one without. */
function numericSize(modifier: number): { readonly precision: number; readonly scale: number } | undefined {
  if (modifier < 4) return undefined
  const packed = modifier - 4
  // 11 bits with a sign since version 15.
  const scale = ((packed & 0x7ff) ^ 0x400) - 0x400
  return { precision: (packed >> 16) & 0xffff, scale }
}

/** A statement that gives none, such as SET. */
export class NoColumns extends Error {}
