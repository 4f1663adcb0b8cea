// `add` for the first time: one large file, many small ones.

import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import {
  atMost,
  type Bench,
  type BenchCase,
  dataPath,
  ddvCommand,
  environment,
  fasterThan,
  freshDirectory,
  type Goal,
  removeTree,
  shell,
  timeRows,
  timesFaster,
} from '../bench.js'
import { GiB, linkTree, MiB, makeTree, type Tree, verifyTree } from '../data.js'
import { type Contender, measure } from '../measure.js'
import { runCommand } from '../processes.js'
import { git, resetWorkspace, verifyAdded } from '../sandbox.js'
import { expect, placeLarge } from './start.js'

export const addLarge: BenchCase = {
  name: 'add-large',
  describe: 'ddv add of one large file against cp of it',
  run: async bench => {
    const size = bench.quick ? 512 * MiB : 4 * GiB
    const root = freshDirectory(bench, 'add-large')
    const source = placeLarge(bench, root, size)
    const copy = join(bench.directory, 'add-large.copy')
    const digest = bench.has('b3sum') ? await b3sum(bench, source) : undefined
    const verify = (): void => {
      verifyAdded(root, 'large.bin', { files: 1, bytes: size, blobs: 1 })
      const { hash } = JSON.parse(readFileSync(join(root, 'large.bin.ddv'), 'utf8')) as { hash: string }
      expect(digest === undefined || hash === digest, `pointer has ${hash}, b3sum says ${digest}`)
    }
    const contender = (name: string, env: Record<string, string>): Contender => ({
      name,
      prepare: () => resetWorkspace(bench, root, ['large.bin']),
      command: ddvCommand(bench, root, ['add', 'large.bin'], env),
      verify,
    })
    const cp = (name: string, script: string): Contender => ({
      name,
      prepare: () => removeTree(copy),
      command: shell(bench, script, [source, copy]),
      verify: () => expect(statSync(copy).size === size, 'cp is short'),
    })
    const hash: Contender = {
      name: 'b3sum',
      command: { argv: ['b3sum', source], env: environment(bench) },
      verify: stdout => expect(stdout.startsWith(digest ?? '?'), stdout),
    }
    const options = { rounds: 3, settle: bench.directory }
    const synced = await measure(
      [
        contender('ddv add', {}),
        cp('cp; sync -f', 'cp "$1" "$2"; sync -f "$2"'),
        ...(digest === undefined ? [] : [hash]),
      ],
      options,
    )
    const unsynced = await measure([contender('ddv add', { DDV_CORE_FSYNC: 'off' }), cp('cp', 'cp "$1" "$2"')], options)
    removeTree(root)
    removeTree(copy)
    return [
      ...timeRows({ case: 'add-large', what: `add 1 × ${size / MiB} MiB` }, synced, [atMost(1.2)]),
      ...timeRows({ case: 'add-large', what: `add 1 × ${size / MiB} MiB, fsync off` }, unsynced, [atMost(1.4)]),
    ]
  },
}

async function b3sum(bench: Bench, file: string): Promise<string> {
  const { stdout } = await runCommand({ argv: ['b3sum', '--no-names', file], env: environment(bench) })
  return stdout.trim()
}

/** The two trees of promises.md, smaller with --quick. */
export const tree100k = (bench: Bench): Tree => namedTree(bench, bench.quick ? 3_000 : 20_000, 100_000)
export const tree4k = (bench: Bench): Tree => namedTree(bench, bench.quick ? 10_000 : 100_000, 4_096)

function namedTree(bench: Bench, files: number, fileSize: number): Tree {
  return makeTree(dataPath(bench, `tree-${files}-${fileSize}`), files, fileSize)
}

const addMany = (name: string, describe: string, treeOf: (bench: Bench) => Tree): BenchCase => ({
  name,
  describe,
  run: async bench => {
    const tree = treeOf(bench)
    const root = freshDirectory(bench, name)
    const copy = join(bench.directory, `${name}.copy`)
    linkTree(tree, join(root, 'tree'))
    const contenders = [ddvAdds(bench, root, tree), copies(bench, tree, copy), gitAdds(bench, root, tree)]
    const goals: Goal[] = [atMost(1.3), fasterThan]
    if (bench.has('dvc')) {
      contenders.push(dvcAdds(bench, root, tree))
      goals.push(timesFaster(15))
    }
    const samples = await measure(contenders, { rounds: bench.quick ? 3 : 5, settle: bench.directory })
    removeTree(root)
    removeTree(copy)
    return timeRows({ case: name, what: `add ${tree.files} × ${tree.fileSize} B` }, samples, goals)
  },
})

export const addMany100k = addMany('add-many-100k', 'ddv add of 20,000 × 100 KB', tree100k)
export const addMany4k = addMany('add-many-4k', 'ddv add of 100,000 × 4 KB', tree4k)

const ddvAdds = (bench: Bench, root: string, { files, bytes }: Tree): Contender => ({
  name: 'ddv add',
  prepare: () => resetWorkspace(bench, root, ['tree']),
  command: ddvCommand(bench, root, ['add', 'tree']),
  verify: () => verifyAdded(root, 'tree', { files, bytes, blobs: files + 1 }),
})

export const copies = (bench: Bench, tree: Tree, copy: string): Contender => ({
  name: 'cp -r; sync -f',
  prepare: () => removeTree(copy),
  command: shell(bench, 'cp -r "$1" "$2"; sync -f "$2"', [tree.path, copy]),
  verify: () => verifyTree(tree, copy),
})

const gitAdds = (bench: Bench, root: string, { files }: Tree): Contender => ({
  name: 'git add; sync -f',
  prepare: async () => {
    removeTree(join(root, '.git'))
    removeTree(join(root, '.gitignore'))
    await git(bench, root, 'init', '-q', '-b', 'main')
  },
  command: shell(bench, 'git add tree; sync -f .', [], root),
  verify: async () => {
    const listed = (await git(bench, root, 'ls-files', 'tree')).split('\n').length - 1
    expect(listed === files, `git has ${listed} files`)
  },
})

const dvcAdds = (bench: Bench, root: string, tree: Tree): Contender => ({
  name: 'dvc add; sync -f',
  prepare: async () => {
    for (const name of ['.dvc', 'tree.dvc', '.gitignore', '.git']) removeTree(join(root, name))
    await git(bench, root, 'init', '-q', '-b', 'main')
    await runCommand(shell(bench, 'dvc init -q', [], root))
  },
  command: shell(bench, 'dvc add -q tree; sync -f .', [], root),
  verify: () => {
    statSync(join(root, 'tree.dvc'))
    verifyTree(tree, join(root, 'tree'))
  },
})
