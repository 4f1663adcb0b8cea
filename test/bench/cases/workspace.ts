// What a person does all day: status, checkout, many outputs.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  atMost,
  type Bench,
  type BenchCase,
  dataPath,
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
import { linkTree, makeTree, type Tree, verifyTree } from '../data.js'
import { type Contender, measure } from '../measure.js'
import { runCommand } from '../processes.js'
import { ddv, git, resetWorkspace } from '../sandbox.js'
import { copies, tree4k } from './add.js'
import { expect } from './start.js'

/** A workspace with the tree added, its data by hard links to the shared one. */
export async function addedTree(bench: Bench, name: string, tree: Tree): Promise<string> {
  const root = freshDirectory(bench, name)
  await resetWorkspace(bench, root, [])
  linkTree(tree, join(root, 'tree'))
  await ddv(bench, root, 'add', 'tree')
  return root
}

export const status: BenchCase = {
  name: 'status-100k',
  describe: 'ddv status of 100,000 unchanged files against git status of the same tree',
  run: async bench => {
    // Whole with --quick too: status reads no bytes, and at 10,000 files it would only show the start.
    const tree = makeTree(dataPath(bench, 'tree-100000-16'), 100_000, 16)
    const root = await addedTree(bench, 'status', tree)
    // Its own repository over the same files, beside the workspace's.
    const gitEnvironment = { ...environment(bench), GIT_DIR: join(bench.directory, 'status.git') }
    const inTree = { cwd: join(root, 'tree'), env: { ...gitEnvironment, GIT_WORK_TREE: join(root, 'tree') } }
    await runCommand({ argv: ['git', 'init', '-q'], ...inTree })
    await runCommand({ argv: ['git', 'add', '.'], ...inTree })
    await runCommand({ argv: ['git', 'commit', '-q', '-m', 'tree'], ...inTree })
    const contenders: Contender[] = [
      {
        name: 'ddv status',
        command: ddvCommand(bench, root, ['status', '--json']),
        verify: stdout => {
          const { clean, outputs } = JSON.parse(stdout) as { clean: boolean; outputs: { files: number }[] }
          expect(clean && outputs[0]?.files === tree.files, stdout)
        },
      },
      {
        name: 'git status',
        command: { argv: ['git', 'status', '--porcelain'], ...inTree },
        verify: stdout => expect(stdout === '', stdout),
      },
    ]
    const samples = await measure(contenders, { rounds: bench.quick ? 5 : 11, warmUps: 2 })
    removeTree(root)
    removeTree(gitEnvironment.GIT_DIR)
    return timeRows({ case: 'status-100k', what: `status of ${tree.files} files` }, samples, [atMost(2.5)])
  },
}

export const checkout: BenchCase = {
  name: 'checkout-100k',
  describe: 'ddv checkout of 100,000 files by copy against cp -r',
  run: async bench => {
    const tree = tree4k(bench)
    const root = await addedTree(bench, 'checkout', tree)
    const copy = join(bench.directory, 'checkout.copy')
    const checkout: Contender = {
      name: 'ddv checkout',
      prepare: () => removeTree(join(root, 'tree')),
      command: ddvCommand(bench, root, ['checkout'], { DDV_CACHE_LINK: 'copy' }),
      verify: () => verifyTree(tree, join(root, 'tree')),
    }
    const samples = await measure([checkout, copies(bench, tree, copy)], {
      rounds: bench.quick ? 3 : 5,
      settle: bench.directory,
    })
    removeTree(root)
    removeTree(copy)
    return timeRows({ case: 'checkout-100k', what: `checkout of ${tree.files} × 4 KB by copy` }, samples, [atMost(1.3)])
  },
}

const pointerCount = 2_000

export const pointers: BenchCase = {
  name: 'pointers',
  describe: '2,000 separate pointers: add all, add one again, status',
  run: async bench => {
    const root = freshDirectory(bench, 'pointers')
    writeFiles(root)
    const names = Array.from({ length: pointerCount }, (_, i) => fileName(i))
    const clean = (stdout: string): void => expect((JSON.parse(stdout) as { clean: boolean }).clean, stdout)
    const count = (stdout: string): void =>
      expect((JSON.parse(stdout) as { outputs: unknown[] }).outputs.length === pointerCount, stdout)
    const reset = (): Promise<void> => resetWorkspace(bench, root, []).then(() => writeFiles(root))
    const one = fileName(pointerCount >> 1)
    let version = 0
    const change = (): void => writeFileSync(join(root, one), `id,value\nchanged,${version++}\n`)
    const all: Step = { args: ['add', ...names, '--json'], prepare: reset, verify: count }
    const again: Step = { args: ['add', one, '--json'], prepare: change, verify: says('"changed":true') }
    const look: Step = { args: ['status', '--json'], verify: clean }
    const rounds = bench.quick ? 3 : 5
    const rows: Row[] = []
    // Each step stands on what the one before left behind; DVC has a workspace of its own.
    const dvc = bench.has('dvc') ? await dvcSteps(bench) : undefined
    for (const [what, step, settle] of [
      [`add ${pointerCount} files`, all, bench.directory],
      [`add one of ${pointerCount} again, changed`, again, bench.directory],
      [`status of ${pointerCount} pointers`, look, undefined],
    ] as const) {
      const contender = { name: 'ddv', ...step, command: ddvCommand(bench, root, step.args) }
      const reference = dvc?.shift()
      const samples = await measure(reference === undefined ? [contender] : [contender, reference], { rounds, settle })
      rows.push(...rowsOf(what, samples))
    }
    removeTree(root)
    removeTree(join(bench.directory, 'pointers.dvc'))
    return rows
  },
}

interface Step {
  readonly args: readonly string[]
  readonly prepare?: () => void | Promise<void>
  readonly verify: (stdout: string) => void
}

const says =
  (text: string) =>
  (stdout: string): void =>
    expect(stdout.includes(text), stdout)

function rowsOf(what: string, samples: Awaited<ReturnType<typeof measure>>): Row[] {
  const goal: Goal = timesFaster(15)
  const label = { case: 'pointers', what }
  if (samples.length > 1) return timeRows(label, samples, [goal])
  const [ddv] = samples
  return ddv === undefined
    ? []
    : [{ ...label, unit: 'ms', ddv: ddv.median, reference: undefined, goal, times: ddv.times }]
}

const fileName = (i: number): string => `data/set-${String(i % 20).padStart(2, '0')}/file-${i}.csv`

function writeFiles(root: string): void {
  for (let i = 0; i < pointerCount; i++) {
    if (i < 20) mkdirSync(join(root, fileName(i), '..'), { recursive: true })
    writeFileSync(join(root, fileName(i)), `id,value\n${i},${i * 7}\n`)
  }
}

async function dvcSteps(bench: Bench): Promise<Contender[]> {
  const root = freshDirectory(bench, 'pointers.dvc')
  const one = fileName(pointerCount >> 1)
  let version = 0
  const fresh = async (): Promise<void> => {
    freshDirectory(bench, 'pointers.dvc')
    writeFiles(root)
    await git(bench, root, 'init', '-q', '-b', 'main')
    await runCommand(shell(bench, 'dvc init -q', [], root))
  }
  const nothing = (): void => undefined
  return [
    { name: 'dvc add', prepare: fresh, command: shell(bench, 'dvc add -q data/*/*.csv', [], root), verify: nothing },
    {
      name: 'dvc add',
      prepare: () => writeFileSync(join(root, one), `id,value\nchanged,${version++}\n`),
      command: shell(bench, `dvc add -q ${one}`, [], root),
      verify: nothing,
    },
    { name: 'dvc status', command: shell(bench, 'dvc status -q', [], root), verify: nothing },
  ]
}
