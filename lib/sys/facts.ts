// Small facts by key, in one file that is read whole: for what every command asks, since loading LMDB takes longer
// (17 ms) than all of the answer. Like what LMDB keeps they may be deleted without loss, and so may the latest of them
// be lost: with whoever is killed before `flush`, or by two who flush in the same instant.

import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { systemCode } from '../core/errors.js'
import { writeFileAtomic } from './fs.js'
import { hashBytes } from './hash.js'
import { readRegular } from './read-stable.js'

export interface Facts {
  get(key: string): string | undefined
  /** `undefined` takes it away. Others see it after `flush`. */
  set(key: string, value: string | undefined): void
  /** Writes what was set, beside what others wrote meanwhile. Does nothing where it cannot: on a full disk, say. */
  flush(): void
  /** What others wrote since the file was read is seen from now on. */
  refresh(): void
}

/** The oldest go first. */
const maxFacts = 100_000

/** A file that is absent or damaged holds no facts. */
export function openFacts(file: string): Facts {
  let known: Map<string, string> | undefined
  const changes = new Map<string, string | undefined>()
  return {
    get: key => {
      if (changes.has(key)) return changes.get(key)
      known ??= readFacts(file)
      return known.get(key)
    },
    set: (key, value) => void changes.set(key, value),
    refresh: () => {
      known = undefined
    },
    flush: () => {
      if (changes.size === 0) return
      known = readFacts(file)
      for (const [key, value] of changes) {
        known.delete(key) // so that it becomes the youngest
        if (value !== undefined) known.set(key, value)
      }
      changes.clear()
      writeFacts(file, [...known].slice(-maxFacts))
    },
  }
}

// A digest of what follows, a line break, the facts as JSON. It was never synced, so after a power cut it may be anything.
function readFacts(file: string): Map<string, string> {
  const text = readIfReadable(file)
  const facts = text.slice(65)
  if (text.slice(0, 64) !== hashBytes(Buffer.from(facts))) return new Map()
  return new Map(JSON.parse(facts) as [string, string][])
}

function readIfReadable(file: string): string {
  try {
    return readRegular(file)?.toString() ?? ''
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return ''
  }
}

function writeFacts(file: string, facts: readonly (readonly [string, string])[]): void {
  const text = JSON.stringify(facts)
  try {
    mkdirSync(dirname(file), { recursive: true })
    writeFileAtomic(file, `${hashBytes(Buffer.from(text))}\n${text}`, { durable: false })
  } catch (error) {
    if (systemCode(error) === undefined) throw error
  }
}
