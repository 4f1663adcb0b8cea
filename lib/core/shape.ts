// Shapes of what people write in `ddv.yaml`: one description that both checks a file, saying where it is wrong, and
// gives the JSON schema that editors use. See pipeline-schema.ts for the file's own.

import { nearest } from './did-you-mean.js'
import type { Json, JsonRecord } from './json.js'
import {
  type BadAt,
  childAt,
  entryOf,
  type LocatedEntry,
  type LocatedMap,
  type LocatedNode,
  nodeWord,
  type Place,
  shortened,
} from './located.js'
import { isWholeTemplate } from './template.js'

export type Shape =
  | { readonly kind: 'text'; readonly pattern?: RegExp; readonly options?: readonly string[]; readonly fixed?: true }
  | { readonly kind: 'flag' }
  | { readonly kind: 'number'; readonly whole: boolean; readonly min: number; readonly max: number }
  | { readonly kind: 'null' }
  | { readonly kind: 'any' }
  | { readonly kind: 'list'; readonly items: Shape; readonly fixed?: true }
  | {
      readonly kind: 'map'
      readonly values: Shape
      readonly keys?: RegExp
      readonly single?: true
      readonly each?: string
      readonly fixed?: true
    }
  | RecordShape
  | { readonly kind: 'choice'; readonly shapes: readonly Shape[] }
  /** Which shape it is shows in whether one of the keys is there. */
  | { readonly kind: 'variant'; readonly keys: readonly string[]; readonly with: Shape; readonly without: Shape }

export interface RecordShape {
  readonly kind: 'record'
  readonly fields: Readonly<Record<string, Field>>
  /** Of each group, exactly one is there. */
  readonly oneOf?: readonly string[]
  readonly required?: readonly string[]
  /** A key that is there needs the other. */
  readonly needs?: Readonly<Record<string, string>>
  /** What the value under one key may be, by the text under another. A text that is not among them is no matter here. */
  readonly depends?: Depends
}

export interface Depends {
  readonly field: string
  readonly on: string
  readonly shapes: Readonly<Record<string, RecordShape>>
}

export interface Field {
  readonly shape: Shape
  /** One sentence for editors. */
  readonly about: string
  /** Accepted without a meaning: said in a warning. */
  readonly unused?: string
  /** Known from elsewhere, and refused with this hint. */
  readonly refused?: string
}

/** A shape with the words that messages call it by: "is not <expected>". */
export type Named = Shape & { readonly expected: string }

export interface CheckOptions {
  readonly bad: BadAt
  readonly warn: (message: string, at: Place) => void
  /** Whether `${…}` still stands for anything. */
  readonly templates: boolean
}

/** Throws where the node is not of the shape; `what` names it in messages: `'deps' of stage 'train'`. */
export function checkShape(
  node: LocatedNode,
  shape: Shape,
  { what, ...options }: CheckOptions & { readonly what: string },
): void {
  new Checker(options).check(node, shape, what)
}

class Checker {
  readonly #options: CheckOptions

  constructor(options: CheckOptions) {
    this.#options = options
  }

  check(node: LocatedNode, shape: Shape, what: string): void {
    if (shape.kind === 'any') return
    if (this.#options.templates && node.kind === 'scalar' && isWholeTemplate(node.value) && mayBeTemplate(shape)) return
    if (shape.kind === 'variant') {
      this.#variant(node, shape, what)
      return
    }
    if (shape.kind === 'choice') {
      const fitting = shape.shapes.find(one => fits(node, one)) ?? shape.shapes.find(one => sameKind(node, one))
      if (fitting === undefined) throw this.#wrong(node, shape, what)
      this.check(node, fitting, what)
      return
    }
    if (!sameKind(node, shape)) throw this.#wrong(node, shape, what)
    if (node.kind === 'list' && shape.kind === 'list')
      for (const item of node.items) this.check(item, shape.items, what)
    else if (node.kind === 'map' && shape.kind === 'map') this.#map(node, shape, what)
    else if (node.kind === 'map' && shape.kind === 'record') this.#record(node, shape, what)
    else if (!fits(node, shape) && !(this.#options.templates && hasTemplate(node, shape)))
      throw this.#wrong(node, shape, what)
  }

  #variant(node: LocatedNode, shape: Extract<Shape, { kind: 'variant' }>, what: string): void {
    const there = node.kind === 'map' && node.entries.some(({ key }) => shape.keys.includes(key))
    this.check(node, there ? shape.with : shape.without, what)
  }

  #map(node: LocatedMap, { values, keys, single, each }: Extract<Shape, { kind: 'map' }>, what: string): void {
    if (single === true && node.entries.length !== 1)
      throw this.#options.bad(
        `${what} has a map of ${node.entries.length} keys where one belongs`,
        node.entries[1] ?? node,
      )
    for (const entry of node.entries) {
      const name = `'${shortened(entry.key)}'`
      if (keys !== undefined && !keys.test(entry.key) && !(this.#options.templates && entry.key.includes('${')))
        throw this.#options.bad(`${name} is no name for ${each === undefined ? what : `a ${each}`}`, entry)
      this.check(entry.value, values, each === undefined ? `${name} of ${what}` : `${each} ${name}`)
    }
  }

  #record(node: LocatedMap, shape: RecordShape, what: string): void {
    for (const entry of node.entries) this.#field(entry, shape, what)
    this.#unused(node, shape, what)
    const has = (key: string): boolean => node.entries.some(entry => entry.key === key)
    for (const key of shape.required ?? []) if (!has(key)) throw this.#options.bad(`${what} has no '${key}'`, node)
    const given = (shape.oneOf ?? []).filter(has)
    if (shape.oneOf !== undefined && given.length === 0)
      throw this.#options.bad(`${what} has neither ${shape.oneOf.map(key => `'${key}'`).join(' nor ')}`, node)
    if (given.length > 1) {
      const second = node.entries.filter(({ key }) => given.includes(key))[1] ?? node
      throw this.#options.bad(`${what} has both '${given[0]}' and '${given[1]}'`, second)
    }
    for (const [key, other] of Object.entries(shape.needs ?? {})) {
      const entry = node.entries.find(entry => entry.key === key)
      if (entry !== undefined && !has(other)) throw this.#options.bad(`'${key}' of ${what} needs '${other}'`, entry)
    }
    if (shape.depends !== undefined) this.#dependent(node, shape.depends, what)
  }

  #dependent(node: LocatedMap, { field, on, shapes }: Depends, what: string): void {
    const choice = entryOf(node, on)
    const chosen = choice?.value.kind === 'scalar' ? String(choice.value.value) : ''
    const shape = Object.hasOwn(shapes, chosen) ? shapes[chosen] : undefined
    if (choice === undefined || shape === undefined) return
    const { line, column } = choice
    const value = childAt(node, field) ?? { kind: 'map', entries: [], line, column }
    this.check(value, shape, `'${field}' of ${what}`)
  }

  #field(entry: LocatedEntry, { fields }: RecordShape, what: string): void {
    const { key } = entry
    const field = Object.hasOwn(fields, key) ? fields[key] : undefined
    if (field === undefined) throw this.#unknown(entry, fields, what)
    if (field.refused !== undefined)
      throw this.#options.bad(`'${key}' of ${what} is not supported`, entry, field.refused)
    this.check(entry.value, field.shape, `'${key}' of ${what}`)
  }

  // One warning for all keys that have none for one reason.
  #unused(node: LocatedMap, { fields }: RecordShape, what: string): void {
    const reasons = new Map<string, LocatedEntry[]>()
    for (const entry of node.entries) {
      const reason = fields[entry.key]?.unused
      if (reason !== undefined) reasons.set(reason, [...(reasons.get(reason) ?? []), entry])
    }
    for (const [reason, entries] of reasons) {
      const keys = entries.map(({ key }) => `'${key}'`).join(', ')
      this.#options.warn(`${keys} of ${what} not used: ${reason}`, entries[0] ?? node)
    }
  }

  #unknown(entry: LocatedEntry, fields: RecordShape['fields'], what: string): Error {
    const known = Object.keys(fields).filter(name => fields[name]?.refused === undefined)
    const guess = nearest(entry.key, known)
    const hint = guess === undefined ? `there are ${known.join(', ')}` : `did you mean '${guess}'?`
    return this.#options.bad(`unknown key '${shortened(entry.key)}' of ${what}`, entry, hint)
  }

  #wrong(node: LocatedNode, shape: Shape, what: string): Error {
    return this.#options.bad(`${what} is ${nodeWord(node)}, not ${expectedOf(shape)}`, node, hintFor(node, shape))
  }
}

/** Whether one template may stand for all of it. What it is has to show before templates are filled in where it may not. */
function mayBeTemplate(shape: Shape): boolean {
  if (shape.kind === 'choice') return shape.shapes.some(mayBeTemplate)
  if (shape.kind === 'text' || shape.kind === 'list' || shape.kind === 'map') return shape.fixed !== true
  return shape.kind === 'flag' || shape.kind === 'number'
}

// `yes` and `on` are texts in YAML 1.2, numbers without quotes are none.
function hintFor(node: LocatedNode, shape: Shape): string | undefined {
  const [first] = shape.kind === 'choice' ? shape.shapes : [shape]
  if (node.kind !== 'scalar') return undefined
  if (first?.kind === 'text' && (typeof node.value === 'number' || typeof node.value === 'boolean'))
    return `put it in quotes: '${node.value}'`
  if (first?.kind === 'text' && first.options !== undefined && typeof node.value === 'string') {
    const guess = nearest(node.value, first.options)
    return guess === undefined ? undefined : `did you mean '${guess}'?`
  }
  return undefined
}

const hasTemplate = (node: LocatedNode, shape: Shape): boolean =>
  shape.kind === 'text' &&
  shape.fixed !== true &&
  node.kind === 'scalar' &&
  typeof node.value === 'string' &&
  node.value.includes('${')

function sameKind(node: LocatedNode, shape: Shape): boolean {
  switch (shape.kind) {
    case 'any':
    case 'variant':
      return true
    case 'choice':
      return shape.shapes.some(one => sameKind(node, one))
    case 'list':
      return node.kind === 'list'
    case 'map':
    case 'record':
      return node.kind === 'map'
    case 'null':
      return node.kind === 'scalar' && node.value === null
    default:
      return node.kind === 'scalar' && node.value !== null
  }
}

function fits(node: LocatedNode, shape: Shape): boolean {
  if (!sameKind(node, shape)) return false
  if (node.kind !== 'scalar') return true
  const { value } = node
  if (shape.kind === 'flag') return typeof value === 'boolean'
  if (shape.kind === 'number')
    return (
      typeof value === 'number' && value >= shape.min && value <= shape.max && (!shape.whole || Number.isInteger(value))
    )
  if (shape.kind !== 'text') return true
  // A template's number is the text of it.
  const text = typeof value === 'string' || node.filled === true ? String(value) : undefined
  return text !== undefined && (shape.pattern?.test(text) ?? true) && (shape.options?.includes(text) ?? true)
}

function expectedOf(shape: Shape): string {
  if ('expected' in shape && typeof shape.expected === 'string') return shape.expected
  switch (shape.kind) {
    case 'text':
      return shape.options === undefined ? 'a text' : `one of ${shape.options.join(', ')}`
    case 'flag':
      return 'true or false'
    case 'number':
      return `a ${shape.whole ? 'whole ' : ''}number from ${shape.min} to ${shape.max}`
    case 'null':
      return 'nothing'
    case 'list':
      return `a list of which each is ${expectedOf(shape.items)}`
    case 'choice':
      return [...new Set(shape.shapes.map(expectedOf))].join(' or ')
    default:
      return 'a map'
  }
}

/** JSON schema, draft 2020-12, of what `checkShape` accepts; `templates`: while they stand for anything. */
export function schemaOf(shape: Shape, templates = true): JsonRecord {
  const inner = (shape: Shape): JsonRecord => schemaOf(shape, templates)
  const orTemplate = (schema: JsonRecord): JsonRecord =>
    templates && mayBeTemplate(shape) ? { anyOf: [schema, template] } : schema
  switch (shape.kind) {
    case 'any':
      return {}
    case 'text':
      return textSchema(shape, templates)
    case 'flag':
      return orTemplate({ type: 'boolean' })
    case 'number':
      return orTemplate({ type: shape.whole ? 'integer' : 'number', minimum: shape.min, maximum: shape.max })
    case 'null':
      return { type: 'null' }
    case 'list':
      return orTemplate({ type: 'array', items: inner(shape.items) })
    case 'map':
      return orTemplate(mapSchema(shape, templates))
    case 'record':
      return recordSchema(shape, templates)
    case 'choice':
      return { anyOf: shape.shapes.map(inner) }
    case 'variant':
      return {
        if: { anyOf: shape.keys.map(key => ({ required: [key] })) },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON schema
        then: inner(shape.with),
        else: inner(shape.without),
      }
  }
}

const template: JsonRecord = { type: 'string', pattern: '^\\$\\{[^{}]*\\}$' }

function textSchema({ pattern, options, fixed }: Extract<Shape, { kind: 'text' }>, templates: boolean): JsonRecord {
  if (options !== undefined && !templates) return { enum: [...options] }
  if (options !== undefined) return { anyOf: [{ enum: [...options] }, { type: 'string', pattern: '\\$\\{' }] }
  if (pattern === undefined) return { type: 'string' }
  if (fixed === true || !templates) return { type: 'string', pattern: pattern.source }
  return { type: 'string', anyOf: [{ pattern: pattern.source }, { pattern: '\\$\\{' }] }
}

const mapSchema = ({ values, keys, single }: Extract<Shape, { kind: 'map' }>, templates: boolean): JsonRecord => ({
  type: 'object',
  additionalProperties: schemaOf(values, templates),
  ...(keys !== undefined && {
    propertyNames: templates ? { anyOf: [{ pattern: keys.source }, { pattern: '\\$\\{' }] } : { pattern: keys.source },
  }),
  ...(single === true && { minProperties: 1, maxProperties: 1 }),
})

function recordSchema({ fields, oneOf, required, needs, depends }: RecordShape, templates: boolean): JsonRecord {
  const known = Object.entries(fields).filter(([, field]) => field.refused === undefined)
  const properties = known.map(([key, { shape, about, unused }]): [string, Json] => [
    key,
    { description: about, ...(unused !== undefined && { deprecated: true }), ...schemaOf(shape, templates) },
  ])
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    additionalProperties: false,
    ...(required !== undefined && { required: [...required] }),
    ...(oneOf !== undefined && { oneOf: oneOf.map(key => ({ required: [key] })) }),
    ...(needs !== undefined && {
      dependentRequired: Object.fromEntries(Object.entries(needs).map(([key, other]) => [key, [other]])),
    }),
    ...(depends !== undefined && { allOf: dependentSchemas(depends, templates) }),
  }
}

const dependentSchemas = ({ field, on, shapes }: Depends, templates: boolean): JsonRecord[] =>
  Object.entries(shapes).map(([choice, shape]) => ({
    if: { properties: { [on]: { const: choice } }, required: [on] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON schema
    then: {
      properties: { [field]: recordSchema(shape, templates) },
      ...((shape.required ?? shape.oneOf) !== undefined && { required: [field] }),
    },
  }))
