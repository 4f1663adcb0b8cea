// Files of parameters and of metrics: YAML, JSON or TOML as their names say, into plain JSON; and their dotted keys.

import { parse as parseToml, TomlDate, TomlError } from 'smol-toml'
import { DdvError } from './errors.js'
import { isJsonRecord, type Json, type JsonRecord, jsonProblem } from './json.js'
import { atPlace, badPlace, toJson } from './located.js'
import { own } from './merge-records.js'
import { displayPath, type TreePath } from './tree-path.js'
import { parseAnyYaml, parseLocatedYaml } from './yaml-located.js'
import { maxYamlSize } from './yaml-text.js'

export type ParamsFormat = 'yaml' | 'json' | 'toml'

const formats: Readonly<Record<string, ParamsFormat>> = { yaml: 'yaml', yml: 'yaml', json: 'json', toml: 'toml' }

/** What a file's name says that it holds. Throws what `bad` makes of a name that says nothing known. */
export function parseParamsFormat(
  file: TreePath,
  bad: (problem: { message: string; hint: string }) => Error,
): ParamsFormat {
  const extension = /\.([A-Za-z0-9]+)$/.exec(file)?.[1]?.toLowerCase() ?? ''
  const format = Object.hasOwn(formats, extension) ? formats[extension] : undefined
  if (format !== undefined) return format
  throw bad({
    message: `params are read from YAML, JSON and TOML alone: '${displayPath(file)}' is none`,
    hint:
      extension === 'py'
        ? 'a file of Python would have to be run: move the values to params.yaml'
        : 'name it .yaml, .json or .toml',
  })
}

/** What the file holds. Throws `bad-config` that names it, with line and column where there are any. */
export function decodeParams(text: string, file: TreePath): JsonRecord {
  const bare = text.replace(/^\ufeff/, '')
  const format = parseParamsFormat(file, ({ message, hint }) => new DdvError('bad-config', message, { hint }))
  const value = checked(paramDecoders[format](bare, file), file)
  if (!isJsonRecord(value)) throw new DdvError('bad-config', `file is no map of keys: ${displayPath(file)}`)
  return value
}

/**
 * What programs measured: as `decodeParams`, but any value may be at the top, a name that says nothing known is taken for
 * YAML (`auc.metric` with a bare number in it), and numbers that JSON has not stand as texts: NaN, Infinity, -Infinity.
 */
export function decodeMetrics(text: string, file: TreePath): Json {
  const extension = /\.([A-Za-z0-9]+)$/.exec(file)?.[1]?.toLowerCase() ?? ''
  const format = Object.hasOwn(formats, extension) ? formats[extension] : undefined
  const value = finite(checked(metricDecoders[format ?? 'yaml'](text.replace(/^\ufeff/, ''), file), file))
  // A text of one word or of many lines is YAML too.
  if (format !== undefined || typeof value !== 'string' || isNotFinite(value)) return value
  throw new DdvError('bad-config', `file holds a text, and no metrics: ${displayPath(file)}`)
}

function checked(value: Json, file: TreePath): Json {
  const problem = jsonProblem(value, 'a value')
  if (problem === undefined) return value
  throw new DdvError('bad-config', `file ${problem}: ${displayPath(file)}`)
}

type Decoders = Readonly<Record<ParamsFormat, (text: string, file: TreePath) => Json>>

const paramDecoders: Decoders = {
  yaml: (text, file) => toJson(parseLocatedYaml(text, file)),
  json: decodeJson,
  toml: (text, file) => decodeToml(text, file, refuseNumber),
}

const metricDecoders: Decoders = {
  yaml: (text, file) => toJson(parseAnyYaml(text, file)),
  json: (text, file) => decodeJson(quoteNotFinite(text), file),
  toml: (text, file) => decodeToml(text, file, value => value),
}

const isNotFinite = (text: string): boolean => /^(?:NaN|-?Infinity)$/.test(text)

// As Python and JavaScript print them where JSON has no such numbers.
const quoteNotFinite = (text: string): string =>
  /NaN|Infinity/.test(text)
    ? text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/gs, token =>
        token.startsWith('"') ? token : `"${token}"`,
      )
    : text

function finite(value: Json): Json {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (Array.isArray(value)) return value.map(finite)
  if (!isJsonRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, finite(child)]))
}

function decodeJson(text: string, file: TreePath): Json {
  if (text.length > maxYamlSize) throw tooLarge(file)
  try {
    return JSON.parse(text) as Json
  } catch (error) {
    throw new DdvError('bad-config', `no JSON: ${displayPath(file)}`, { cause: error })
  }
}

/** What is made of a number that JSON has not. */
type NotFinite = (value: number, file: TreePath) => Json

function decodeToml(text: string, file: TreePath, notFinite: NotFinite): Json {
  if (text.length > maxYamlSize) throw tooLarge(file)
  try {
    return plain(parseToml(text), value => notFinite(value, file))
  } catch (error) {
    if (error instanceof TomlError) {
      const problem = error.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '')
      throw badPlace(`no TOML: ${displayPath(problem ?? '')}`, file, { at: error })
    }
    if (error instanceof RangeError) throw new DdvError('bad-config', `file is nested too deep: ${displayPath(file)}`)
    throw error
  }
}

// Dates stand as the texts that they are in YAML and JSON.
function plain(value: unknown, notFinite: (value: number) => Json): Json {
  if (value instanceof TomlDate) return value.toISOString()
  if (Array.isArray(value)) return value.map(item => plain(item, notFinite))
  if (typeof value === 'number' && !Number.isFinite(value)) return notFinite(value)
  if (!isJsonRecord(value)) return value as Json
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, plain(child, notFinite)]))
}

function refuseNumber(_value: number, file: TreePath): never {
  throw new DdvError('bad-config', `file has a number that JSON has not: ${atPlace(file, { line: 1, column: 1 })}`)
}

const tooLarge = (file: TreePath): DdvError =>
  new DdvError('bad-config', `file is larger than ${maxYamlSize} bytes: ${displayPath(file)}`)

/** The value of a dotted key: `train.lr`, `layers.0.units`, `layers[0].units`. undefined where there is none. */
export function paramAt(params: JsonRecord, key: string): Json | undefined {
  // A key may hold dots itself.
  const whole = own(params, key)
  if (whole !== undefined) return whole
  let value: Json | undefined = params
  for (const name of key.replace(/\[(\d+)\]/g, '.$1').split('.')) {
    if (Array.isArray(value)) value = /^\d+$/.test(name) ? value[Number(name)] : undefined
    else if (isJsonRecord(value)) value = own(value, name)
    else return undefined
  }
  return value
}
