// Stages for tests, of which only what matters is said.

import type { Digest } from '../../lib/core/digest.js'
import type { Position } from '../../lib/core/located.js'
import type { Artifact } from '../../lib/core/lockfile.js'
import { type Out, pipelineFileName, type Stage, type StageName } from '../../lib/core/stage.js'
import { parseTreePath, type TreePath } from '../../lib/core/tree-path.js'

export interface StageSpec {
  readonly file?: string
  readonly line?: number
  readonly cmd?: string | readonly string[]
  readonly deps?: readonly string[]
  readonly params?: readonly string[]
  readonly outs?: readonly string[]
  readonly env?: Readonly<Record<string, string | undefined>>
}

type Others = Omit<Stage, 'name' | 'file' | 'deps' | 'params' | 'outs' | 'env'>

export function stageOf(name: string, spec: StageSpec = {}, others: Partial<Others> = {}): Stage {
  const { cmd = 'true', deps = [], params = [], outs = [], env = {}, line = 1 } = spec
  const file = (spec.file ?? pipelineFileName) as TreePath
  const at = (offset: number): Position => ({ file, line: line + offset, column: 7 })
  return {
    name: name as StageName,
    file,
    position: { file, line, column: 3 },
    description: undefined,
    meta: undefined,
    wdir: '',
    action: { kind: 'command', commands: typeof cmd === 'string' ? [cmd] : cmd, shell: undefined },
    deps: deps.map(path => ({ path: parseTreePath(path), position: at(1) })),
    params: params.map(path => ({ file: parseTreePath(path), keys: undefined, position: at(2) })),
    env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
    outs: outs.map(path => outOf(path, at(3))),
    tracked: [],
    frozen: false,
    alwaysChanged: false,
    only: undefined,
    retry: 0,
    timeout: undefined,
    resources: resourcesOf({}),
    ...others,
  }
}

const outOf = (path: string, position: Position): Out => ({
  path: parseTreePath(path),
  kind: 'data',
  cache: true,
  persist: false,
  push: true,
  position,
})

export const resourcesOf = (given: Partial<Stage['resources']>): Stage['resources'] => ({
  cpus: undefined,
  memory: undefined,
  gpus: undefined,
  time: undefined,
  partition: undefined,
  account: undefined,
  ...given,
})

/** A file whose digest is made of one hex digit. */
export const fileOf = (digit: string, executable = false): Artifact => ({
  kind: 'file',
  hash: digit.repeat(64) as Digest,
  size: 1,
  files: undefined,
  executable,
})
