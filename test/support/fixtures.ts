import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** What pins the formats of version 1, as files. */
export const formats = resolve(import.meta.dirname, '../../../fixtures/formats/v1')

export const readJson = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'))

export interface Vector {
  readonly name: string
  readonly bytes: Buffer
  /** What the `.json` beside it says. */
  readonly expected: unknown
}

/** The files of a folder that have an expected value beside them. */
export function vectors(folder: string): Vector[] {
  const directory = join(formats, folder)
  return readdirSync(directory)
    .filter(name => !name.endsWith('.json'))
    .map(name => ({
      name,
      bytes: readFileSync(join(directory, name)),
      expected: readJson(join(directory, name.replace(/\.[^.]+$/, '.json'))),
    }))
}

export interface Refusal {
  readonly name: string
  readonly bytes: Buffer
  readonly code: string
  /** A part of the message. */
  readonly message: string
}

/** The files of a folder that must be refused, each with its error in `expected.json`. */
export function refusals(folder: string): Refusal[] {
  const directory = join(formats, folder)
  const expected = readJson(join(directory, 'expected.json')) as Record<string, Pick<Refusal, 'code' | 'message'>>
  const names = readdirSync(directory).filter(name => name !== 'expected.json')
  const unlisted = names.filter(name => !(name in expected))
  if (unlisted.length > 0) throw new Error(`not in expected.json: ${unlisted.join(', ')}`)
  return Object.entries(expected).map(([name, { code, message }]) => ({
    name,
    bytes: readFileSync(join(directory, name)),
    code,
    message,
  }))
}

/** What JSON can say of a value: fields that are undefined left out. */
export const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

/** A message that holds `part` and ends in the path. */
export const endingIn = (part: string, path: string): RegExp => new RegExp(`${quote(part)}.*: ${quote(path)}$`, 's')

const quote = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
