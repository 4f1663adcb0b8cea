// JSON as ddv keeps it: plain data, keys in order, bounded, and no key that reaches a prototype.

export type Json = null | boolean | number | string | readonly Json[] | JsonRecord
export type JsonRecord = { readonly [key: string]: Json }

export const isJsonRecord = (value: unknown): value is JsonRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** undefined for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    return undefined
  }
}

/** Every object's keys sorted; what is shallower than `maxDepth`. */
export function sortKeys(value: Json): Json {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (!isJsonRecord(value)) return value
  const keys = Object.keys(value).sort()
  return Object.fromEntries(keys.map(key => [key, sortKeys(value[key] as Json)]))
}

/** The same text for the same value, whatever the order of its keys. */
export const canonicalJson = (value: Json | undefined): string | undefined =>
  value === undefined ? undefined : JSON.stringify(sortKeys(value))

const maxDepth = 32

/** Why parsed JSON is not to be kept, with `what` it is in, or undefined. */
export function jsonProblem(value: unknown, what: string, depth = 0): string | undefined {
  if (depth > maxDepth) return `has ${what} deeper than ${maxDepth}`
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, child] of Object.entries(value)) {
    if (key === '__proto__') return `has the key "__proto__" in ${what}`
    const problem = jsonProblem(child, what, depth + 1)
    if (problem !== undefined) return problem
  }
  return undefined
}
