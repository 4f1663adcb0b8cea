// For `push --repair`: what is on the remote is read, not only looked for. A pack is sound where its bytes hash to its
// name; then its table, which is among them, tells what a recipe may say of it.

import type { Digest } from '../core/digest.js'
import { isDdvError } from '../core/errors.js'
import { type PackInfo, readTable, rowsOf } from '../core/pack.js'
import type { Recipe } from '../core/recipe.js'
import { hashBytes, hashToBytes } from '../sys/hash.js'
import { forEachAtOnce } from './concurrently.js'
import { checkRun } from './fetch-plan.js'
import type { KnownChunks } from './known-chunks.js'
import { packKey } from './packs.js'
import type { Remote } from './remote.js'

export interface ProverOptions {
  readonly remote: Remote
  readonly known: KnownChunks
  readonly signal: AbortSignal | undefined
}

/** Packs in memory at once. */
const packsAtOnce = 2
/** What came wrong may have been damaged on its way. */
const tries = 2

export class Prover {
  readonly #options: ProverOptions
  /** Each pack is read once a push; that it is still there is for others to look. */
  readonly #sound = new Map<Digest, boolean>()

  constructor(options: ProverOptions) {
    this.#options = options
  }

  /** Which of these packs are whole. Their tables are known then: what they hold need not be sent again. */
  async soundOf(packs: readonly PackInfo[]): Promise<Set<Digest>> {
    const open = packs.filter(({ digest }) => !this.#sound.has(digest))
    await forEachAtOnce(open, packsAtOnce, async info => {
      this.#sound.set(info.digest, await this.#isSound(info))
    })
    return new Set(packs.map(({ digest }) => digest).filter(digest => this.#sound.get(digest) === true))
  }

  /** Whether the runs of a recipe are such that its packs, which must be sound, have them. */
  bearsOut(recipe: Recipe): boolean {
    for (const run of recipe.runs) {
      const { digest } = recipe.packs[run.pack] as PackInfo
      const pack = this.#options.known.pack(digest)
      if (pack === undefined) return false
      try {
        checkRun(run, pack.table, digest)
      } catch (error) {
        if (isDdvError(error, 'corrupt')) return false
        throw error
      }
    }
    return true
  }

  async #isSound(info: PackInfo): Promise<boolean> {
    for (let left = tries; left > 0; left--) if (await this.#readSound(info)) return true
    return false
  }

  async #readSound(info: PackInfo): Promise<boolean> {
    const { remote, known, signal } = this.#options
    const key = packKey(info.digest)
    try {
      const got = await remote.get(key, { maxBytes: info.size, signal })
      if (got?.bytes.length !== info.size || hashBytes(got.bytes) !== info.digest) return false
      const tail = got.bytes.subarray(info.tableOffset)
      const table = readTable(tail, info.size, { hash: hashToBytes, name: key })
      if (table.count !== rowsOf(info) || table.end !== info.tableOffset) return false
      if (known.pack(info.digest) === undefined) known.add(info, table.rows, info.digest.slice(0, 16))
      return true
    } catch (error) {
      if (isDdvError(error, 'corrupt')) return false
      throw error
    }
  }
}
