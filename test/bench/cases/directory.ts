// Push to a directory, and pull from it.

import { existsSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import {
  amountRow,
  atMost,
  type Bench,
  type BenchCase,
  ddvCommand,
  environment,
  freshDirectory,
  removeTree,
  shell,
  timeRows,
  transferMemory,
} from '../bench.js'
import { GiB, MiB, type Tree, verifyTree } from '../data.js'
import { type Contender, measure, type Samples } from '../measure.js'
import { runCommand } from '../processes.js'
import { ddv, git, resetWorkspace, treeSize } from '../sandbox.js'
import { copies, tree4k } from './add.js'
import { expect, placeLarge } from './start.js'
import { addedTree } from './workspace.js'

/** As if this clone had never seen the remote, and the remote nothing. */
export function forgetRemote(root: string, remote: string): void {
  removeTree(remote)
  for (const memory of ['state/chunks', 'state/chunks-lock', 'recipes', 'remotes'])
    removeTree(join(root, '.ddv', memory))
}

const memoryRow = (name: string, what: string, [ddv]: readonly Samples[]): ReturnType<typeof amountRow> =>
  amountRow({ case: name, what: `${what}: peak memory` }, 'bytes', ddv?.peak ?? 0, transferMemory)

export const pushLarge: BenchCase = {
  name: 'push-large',
  describe: 'push of one large file to a directory, compression off, against cp',
  run: async bench => {
    const size = bench.quick ? 512 * MiB : 4 * GiB
    const root = freshDirectory(bench, 'push-large')
    const remote = join(bench.directory, 'push-large.remote')
    const copy = join(bench.directory, 'push-large.copy')
    await resetWorkspace(bench, root, [])
    const source = placeLarge(bench, root, size)
    await ddv(bench, root, 'add', 'large.bin')
    await ddv(bench, root, 'remote', 'add', 'origin', remote, '--default')
    const push: Contender = {
      name: 'ddv push',
      prepare: () => forgetRemote(root, remote),
      command: ddvCommand(bench, root, ['push'], { DDV_CORE_COMPRESSION: 'off' }),
      verify: () => expect(treeSize(join(remote, 'packs')).bytes >= size, 'packs are short'),
    }
    const cp: Contender = {
      name: 'cp; sync -f',
      prepare: () => removeTree(copy),
      command: shell(bench, 'cp "$1" "$2"; sync -f "$2"', [source, copy]),
      verify: () => expect(statSync(copy).size === size, 'cp is short'),
    }
    const samples = await measure([push, cp], {
      rounds: 3,
      warmUps: bench.quick ? 1 : 0,
      settle: bench.directory,
      sample: true,
    })
    for (const path of [root, remote, copy]) removeTree(path)
    const what = `push 1 × ${size / MiB} MiB to a directory`
    return [...timeRows({ case: 'push-large', what }, samples, [atMost(1.5)]), memoryRow('push-large', what, samples)]
  },
}

export const pushMany: BenchCase = {
  name: 'push-many',
  describe: 'push of 100,000 × 4 KB to a directory against tar',
  run: async bench => {
    const tree = tree4k(bench)
    const { root, remote } = await workspaceWithRemote(bench, 'push-many', tree)
    const archive = join(bench.directory, 'push-many.tar')
    const push: Contender = {
      name: 'ddv push',
      prepare: () => forgetRemote(root, remote),
      command: ddvCommand(bench, root, ['push']),
      verify: () => expect(treeSize(join(remote, 'packs')).bytes >= tree.bytes, 'packs are short'),
    }
    const tar: Contender = {
      name: 'tar; sync -f',
      prepare: () => removeTree(archive),
      command: shell(bench, 'tar cf "$2" -C "$1" .; sync -f "$2"', [tree.path, archive]),
      verify: () => expect(statSync(archive).size > tree.bytes, 'tar is short'),
    }
    const samples = await measure([push, tar], { rounds: bench.quick ? 3 : 5, settle: bench.directory, sample: true })
    for (const path of [root, remote, archive]) removeTree(path)
    const what = `push ${tree.files} × 4 KB to a directory`
    return [...timeRows({ case: 'push-many', what }, samples, [atMost(2)]), memoryRow('push-many', what, samples)]
  },
}

export const pullMany: BenchCase = {
  name: 'pull-many',
  describe: 'pull of 100,000 × 4 KB from a directory into an empty clone against cp -r',
  run: async bench => {
    const tree = tree4k(bench)
    const { root, remote } = await workspaceWithRemote(bench, 'pull-many', tree)
    await ddv(bench, root, 'push')
    await git(bench, root, 'commit', '-q', '-m', 'tree')
    const clone = join(bench.directory, 'pull-many.clone')
    const copy = join(bench.directory, 'pull-many.copy')
    const aside: string[] = []
    const pull: Contender = {
      name: 'ddv pull',
      prepare: () => {
        setAside(clone, aside)
        return cloneOf(bench, root, clone)
      },
      command: ddvCommand(bench, clone, ['pull']),
      verify: () => verifyTree(tree, join(clone, 'tree')),
    }
    const cp: Contender = { ...copies(bench, tree, copy), prepare: () => setAside(copy, aside) }
    const samples = await measure([pull, cp], {
      rounds: bench.quick ? 3 : 5,
      settle: bench.directory,
      sample: true,
    })
    for (const path of [root, remote, clone, copy, ...aside]) removeTree(path)
    const what = `pull ${tree.files} × 4 KB into an empty clone`
    return [...timeRows({ case: 'pull-many', what }, samples, [atMost(1.5)]), memoryRow('pull-many', what, samples)]
  },
}

// Instead of removing it: for minutes ext4 does not use the inodes of deleted files again, and looks at each of them for
// every new one. 20,000 files deleted just before cost the next 20,000 ten times what they cost otherwise.
function setAside(path: string, aside: string[]): void {
  if (!existsSync(path)) return
  const place = `${path}.${aside.length}`
  renameSync(path, place)
  aside.push(place)
}

async function workspaceWithRemote(bench: Bench, name: string, tree: Tree): Promise<{ root: string; remote: string }> {
  const root = await addedTree(bench, name, tree)
  const remote = join(bench.directory, `${name}.remote`)
  removeTree(remote)
  await ddv(bench, root, 'remote', 'add', 'origin', remote, '--default')
  await git(bench, root, 'add', '-A')
  return { root, remote }
}

export async function cloneOf(bench: Bench, root: string, clone: string): Promise<void> {
  removeTree(clone)
  await runCommand({ argv: ['git', 'clone', '-q', root, clone], env: environment(bench) })
}
