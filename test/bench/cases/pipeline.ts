// Pipelines: 1,000 stages, run for the first time and with nothing to do.

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Bench,
  type BenchCase,
  ddvCommand,
  environment,
  freshDirectory,
  type Goal,
  type Row,
  removeTree,
  shell,
  timeRows,
  timesFaster,
} from '../bench.js'
import { type Contender, measure, type Samples } from '../measure.js'
import { runCommand } from '../processes.js'
import { ddv, git } from '../sandbox.js'
import { expect } from './start.js'

// Each its own, so that none is taken for another that ran.
const stagesText = (count: number): string =>
  `stages:\n${Array.from({ length: count }, (_, i) => `  s${i}:\n    cmd: "true # ${i}"\n    deps: [in.txt]\n`).join('')}`

export const repro: BenchCase = {
  name: 'repro',
  describe: '1,000 stages of `true`: the first run, and nothing to do, against dvc repro',
  run: async bench => {
    const count = bench.quick ? 100 : 1000
    const root = freshDirectory(bench, 'repro')
    writeFileSync(join(root, 'in.txt'), 'x')
    writeFileSync(join(root, 'ddv.yaml'), stagesText(count))
    await git(bench, root, 'init', '-q', '-b', 'main')
    await ddv(bench, root, 'init')
    const forget = (): void => {
      for (const name of ['ddv.lock', '.cache', '.ddv/runs', '.ddv/state'])
        rmSync(join(root, name), { recursive: true, force: true })
    }
    const did = (outcome: string) => (stdout: string) => {
      const { stages } = JSON.parse(stdout) as { stages: { outcome: string; cached?: true }[] }
      expect(stages.length === count && stages.every(one => one.outcome === outcome && one.cached !== true), stdout)
    }
    const command = ddvCommand(bench, root, ['repro', '--json'])
    const dvc = bench.has('dvc') ? await dvcWorkspace(bench, count) : undefined
    if (dvc === undefined) bench.say('without dvc: no reference')
    const first: Contender = { name: 'ddv repro', prepare: forget, command, verify: did('done') }
    const again: Contender = { name: 'ddv repro', command, verify: did('unchanged') }
    const rows: Row[] = []
    const options = { rounds: bench.quick ? 3 : 5 }
    const firsts = await measure([first], options)
    // Minutes: once, and not warmed up.
    const firstDvc = dvc === undefined ? [] : await measure([dvc.first], { rounds: 1, warmUps: 0 })
    rows.push(...rowsOf(`first run of ${count} stages`, [...firsts, ...firstDvc], timesFaster(20)))
    const agains = await measure(dvc === undefined ? [again] : [again, dvc.again], options)
    const [samples] = agains
    rows.push(...rowsOf(`${count} stages, nothing to do`, agains, undefined))
    if (samples !== undefined)
      rows.push({
        ...{ case: 'repro', what: `${count} stages, nothing to do: ms`, unit: 'ms', ddv: samples.median },
        reference: undefined,
        goal: { type: 'amount', limit: 600 },
      })
    removeTree(root)
    removeTree(join(bench.directory, 'repro.dvc'))
    return rows
  },
}

function rowsOf(what: string, samples: readonly Samples[], goal: Goal | undefined): Row[] {
  const label = { case: 'repro', what }
  if (samples.length > 1) return timeRows(label, samples, [goal])
  const [ddv] = samples
  return ddv === undefined
    ? []
    : [{ ...label, unit: 'ms', ddv: ddv.median, reference: undefined, goal, times: ddv.times }]
}

async function dvcWorkspace(bench: Bench, count: number): Promise<{ first: Contender; again: Contender }> {
  const root = freshDirectory(bench, 'repro.dvc')
  writeFileSync(join(root, 'in.txt'), 'x')
  writeFileSync(join(root, 'dvc.yaml'), stagesText(count))
  await runCommand({ argv: ['git', 'init', '-q'], cwd: root, env: environment(bench) })
  await runCommand(shell(bench, 'dvc init -q', [], root))
  const command = shell(bench, 'dvc repro -q', [], root)
  const contender: Contender = { name: 'dvc repro', command, verify: () => undefined }
  return { first: contender, again: contender }
}
