// What the run cache keeps: a stage's result, under a key made of all that it came from. See FORMAT.md. An entry holds
// its whole origin too, so that whoever reads one can see that it is the one that was asked for.

import { DdvError } from './errors.js'
import { isJsonRecord, type Json, type JsonRecord, jsonProblem, parseJson, sortKeys } from './json.js'
import { type Artifact, decodeStageLock, type StageLock, stageRecord } from './lockfile.js'

/** Bytes; a stage may have thousands of deps. */
export const maxResultSize = 16_777_216

/** What a result depends on: all of a stage's lock but what its outs turned out to be. */
export type RunOrigin = Pick<StageLock, 'command' | 'deps' | 'params' | 'env'> & { readonly outs: Iterable<string> }

/**
 * The text whose BLAKE3 is the key: the same for the same origin on every machine. Sizes are left out, since the digests
 * say them.
 */
export function resultKeyText({ command, deps, params, env, outs }: RunOrigin): string {
  const record: JsonRecord = {
    ddv: 1,
    command,
    deps: Object.fromEntries([...deps].map(([path, artifact]) => [path, identity(artifact)])),
    params: Object.fromEntries(params),
    env,
    outs: [...outs].sort(),
  }
  return JSON.stringify(sortKeys(record))
}

const identity = ({ kind, hash, executable }: Artifact): Json => [kind, hash, ...(executable ? ['x'] : [])]

export const encodeRunResult = (stage: StageLock): string =>
  `${JSON.stringify(sortKeys({ ddv: 1, stage: stageRecord(stage) }))}\n`

/** Throws `corrupt` or `newer-format`, naming the place. That it fits its key is for the caller to check. */
export function decodeRunResult(text: string, name: string): StageLock {
  const bad = (problem: string): DdvError => new DdvError('corrupt', `run-cache entry ${problem}: ${name}`)
  const fields = parseJson(text)
  if (!isJsonRecord(fields)) throw bad('is no JSON object')
  const problem = jsonProblem(fields, 'data')
  if (problem !== undefined) throw bad(problem)
  const { ddv, stage } = fields
  if (typeof ddv === 'number' && Number.isSafeInteger(ddv) && ddv > 1)
    throw new DdvError('newer-format', `run-cache entry was written by a newer ddv: ${name}`, { hint: 'update ddv' })
  if (ddv !== 1) throw bad('has no "ddv": 1')
  return decodeStageLock(stage, problem => bad(`has a stage ${problem}`))
}

/** Who wrote an entry, and so who may read it: one segment of a remote's key. */
export const isScope = (text: string): boolean => /^[a-z0-9][a-z0-9-]{0,62}$/.test(text)

/** The scope that everybody reads. */
export const mainScope = 'main'

/** Where entries are looked for, in this order: what a fork or a pull request wrote is never read by others. */
export const scopesToRead = (own: string): readonly string[] => [...new Set([own, mainScope])]
