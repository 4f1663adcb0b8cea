// Workspaces in which a command is about to be killed: `base/ws`, with things beside it that are nobody's business,
// and where there is a remote `base/remote` and a clone of the commit without its data, `base/clone`.

import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { hashBytes } from '../../lib/sys/hash.js'
import type { Scenario } from './crash.js'
import { git } from './git.js'
import { demand, readTree } from './invariants.js'
import { mustRun, noise, type Program } from './program.js'

export interface Place {
  readonly program: Program
  /** The base is made in here. */
  readonly directory: string
}

const ddv = async (program: Program, cwd: string, ...args: string[]): Promise<void> => {
  await mustRun(program, args, { cwd })
}

export function put(root: string, files: Readonly<Record<string, Uint8Array | string>>): void {
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), bytes)
  }
}

/** More than 8 MiB: such files are copied by the kernel, smaller ones are read and written; a push reads them in pieces. */
export const big = noise(1, 9 * 1024 * 1024)
/** Many chunks: enough where the size of files is not what matters. */
const medium = big.subarray(0, 1_000_000)

/** What is special: empty, one byte, executable, twice the same, deep, large; an empty directory. */
function putSet(ws: string, large = medium): void {
  const set = join(ws, 'data/set')
  put(set, {
    empty: '',
    one: 'x',
    'run.sh': noise(2, 4000),
    'table.csv': noise(3, 200_000),
    'deep/er/copy.csv': noise(3, 200_000),
    'deep/big.bin': large,
  })
  chmodSync(join(set, 'run.sh'), 0o755)
  mkdirSync(join(set, 'nothing'))
}

/** Deletions, additions, a file that becomes a directory and the other way round, another bit, a large file changed. */
function changeSet(ws: string, large = medium): void {
  const half = large.length >> 1
  const set = join(ws, 'data/set')
  for (const gone of ['empty', 'one', 'deep/er', 'nothing']) rmSync(join(set, gone), { recursive: true })
  put(set, {
    'one/is/a-directory-now': 'y',
    'deep/er': noise(4, 3000),
    'table.csv': noise(5, 200_000),
    'deep/big.bin': Buffer.concat([large.subarray(0, half), noise(6, 100_000), large.subarray(half)]),
  })
  chmodSync(join(set, 'run.sh'), 0o644)
}

async function makeWorkspace({ program, directory }: Place, name: string): Promise<{ base: string; ws: string }> {
  const base = join(directory, name)
  const ws = join(base, 'ws')
  put(base, { 'outside.txt': 'not ours', 'ws/code.js': 'not data', 'ws/data/notes.txt': 'not under ddv' })
  git(ws, 'init', '-q', '-b', 'main', '--template=')
  await ddv(program, ws, 'init')
  return { base, ws }
}

function commit(ws: string): void {
  git(ws, 'add', '-A')
  git(ws, 'commit', '-q', '-m', 'c')
}

/** A copy's inodes are new to the stat index: this looks at them all, as the command had that came before. */
const warmWith =
  (program: Program, ...args: string[]) =>
  (root: string): Promise<void> =>
    ddv(program, join(root, 'ws'), ...args)

export async function addFiles(place: Place): Promise<Scenario> {
  const { base, ws } = await makeWorkspace(place, 'add-files')
  put(ws, { 'data/small.csv': noise(7, 150_000), 'data/big.bin': big })
  const writes: string[] = []
  return { base, program: place.program, args: ['add', 'data/small.csv', 'data/big.bin'], writes }
}

/** Few points. */
export async function addSmall(place: Place): Promise<Scenario> {
  const { base, ws } = await makeWorkspace(place, 'add-small')
  put(ws, { 'data/small.csv': noise(7, 150_000) })
  return { base, program: place.program, args: ['add', 'data/small.csv'] }
}

export async function pushSmall(place: Place): Promise<Scenario> {
  const { base, ws } = await makeWorkspace(place, 'push-small')
  const { program } = place
  await ddv(program, ws, 'remote', 'add', 'origin', '../remote', '--default')
  put(ws, { 'data/small.csv': noise(7, 150_000) })
  await ddv(program, ws, 'add', 'data/small.csv')
  return { base, program, args: ['push'], remote: 'remote' }
}

/** The pointer's version is in the cache; what is in the workspace was never added. */
export async function checkoutOverChanges(place: Place): Promise<Scenario> {
  const { base, ws } = await makeWorkspace(place, 'checkout-over-changes')
  put(ws, { 'data/small.csv': noise(7, 150_000) })
  await ddv(place.program, ws, 'add', 'data/small.csv')
  commit(ws)
  put(ws, { 'data/small.csv': noise(8, 150_000) })
  return { base, program: place.program, args: ['checkout'], writes: ['data/small.csv'] }
}

/** With isomorphic-git, which writes git's index in this process. */
export async function addWithoutGit(place: Place): Promise<Scenario> {
  const { base, ws } = await makeWorkspace(place, 'add-without-git')
  put(ws, { 'data/small.csv': noise(7, 150_000) })
  return {
    base,
    program: place.program,
    args: ['add', 'data/small.csv'],
    env: { PATH: '/nonexistent' },
    locksIndex: true,
  }
}

export async function addDirectory(place: Place, large = medium): Promise<Scenario> {
  const { base, ws } = await makeWorkspace(place, 'add-directory')
  putSet(ws, large)
  return { base, program: place.program, args: ['add', 'data/set'] }
}

export async function addLarger(place: Place): Promise<Scenario> {
  const { base, ws } = await makeWorkspace(place, 'add-larger')
  for (const [i, size] of [0, 70_000, 1, 12, 3, 9, 2, 6].entries())
    put(ws, { [`data/larger/${i}`]: noise(300 + i, size < 100 ? size * 1024 * 1024 : size) })
  return { base, program: place.program, args: ['add', 'data/larger'] }
}

/** Enough files for worker threads and for one sync of the whole file system. */
export async function addManyFiles(place: Place): Promise<Scenario> {
  const { base, ws } = await makeWorkspace(place, 'add-many')
  for (let i = 0; i < 80; i++) put(ws, { [`data/many/${i % 7}/${i}`]: noise(100 + i, 500 + i) })
  return { base, program: place.program, args: ['add', 'data/many'] }
}

export async function addChanged(place: Place): Promise<Scenario> {
  const { base, ws } = await makeWorkspace(place, 'add-changed')
  putSet(ws)
  await ddv(place.program, ws, 'add', 'data/set')
  commit(ws)
  return {
    base,
    program: place.program,
    args: ['add', 'data/set'],
    warm: async root => {
      await warmWith(place.program, 'add', 'data/set')(root)
      changeSet(join(root, 'ws'))
    },
  }
}

/** The second version is there; the pointer of the first, or the other way round, as `git checkout` leaves it. */
export async function checkoutVersion(place: Place, to: 'first' | 'second', large = medium): Promise<Scenario> {
  const { base, ws } = await makeWorkspace(place, `checkout-${to}`)
  const pointer = join(ws, 'data/set.ddv')
  putSet(ws, large)
  await ddv(place.program, ws, 'add', 'data/set')
  commit(ws)
  const first = readFileSync(pointer)
  changeSet(ws, large)
  await ddv(place.program, ws, 'add', 'data/set')
  commit(ws)
  const second = readFileSync(pointer)
  if (to === 'second') {
    writeFileSync(pointer, first)
    await ddv(place.program, ws, 'checkout')
  }
  return {
    base,
    program: place.program,
    args: ['checkout'],
    writes: ['data/set'],
    warm: async root => {
      await warmWith(place.program, 'add', 'data/set')(root)
      writeFileSync(join(root, 'ws/data/set.ddv'), to === 'first' ? first : second)
      git(join(root, 'ws'), 'add', 'data/set.ddv')
    },
  }
}

/** Into a workspace that has no data. */
export async function checkoutAll(place: Place): Promise<Scenario> {
  const { base, ws } = await makeWorkspace(place, 'checkout-all')
  putSet(ws)
  put(ws, { 'data/small.csv': noise(7, 150_000) })
  await ddv(place.program, ws, 'add', 'data/set', 'data/small.csv')
  commit(ws)
  rmSync(join(ws, 'data/set'), { recursive: true })
  rmSync(join(ws, 'data/small.csv'))
  return { base, program: place.program, args: ['checkout'], writes: ['data/set', 'data/small.csv'] }
}

async function makeShared(place: Place, name: string, large = medium): Promise<{ base: string; ws: string }> {
  const { base, ws } = await makeWorkspace(place, name)
  await ddv(place.program, ws, 'remote', 'add', 'origin', '../remote', '--default')
  putSet(ws, large)
  await ddv(place.program, ws, 'add', 'data/set')
  commit(ws)
  return { base, ws }
}

/** What the commit names, pulled by somebody who has nothing else, is what is in the workspace. */
const clonePulls =
  (program: Program) =>
  async (root: string): Promise<void> => {
    await ddv(program, join(root, 'clone'), 'pull')
    const [there, here] = ['clone', 'ws'].map(name => readTree(join(root, name, 'data')))
    demand(
      JSON.stringify([...(there ?? [])].sort()) === JSON.stringify([...(here ?? [])].sort()),
      'a clone pulls other data',
    )
    rmSync(join(root, 'clone'), { recursive: true })
  }

export async function pushFirst(place: Place, large = medium): Promise<Scenario> {
  const { base } = await makeShared(place, 'push-first', large)
  git(base, 'clone', '-q', 'ws', 'clone')
  const { program } = place
  return { base, program, args: ['push'], remote: 'remote', finished: clonePulls(program) }
}

export async function pushSecond(place: Place): Promise<Scenario> {
  const { base, ws } = await makeShared(place, 'push-second')
  const { program } = place
  await ddv(program, ws, 'push')
  changeSet(ws)
  await ddv(program, ws, 'add', 'data/set')
  commit(ws)
  git(base, 'clone', '-q', 'ws', 'clone')
  return { base, program, args: ['push'], remote: 'remote', finished: clonePulls(program) }
}

export async function pullClone(place: Place): Promise<Scenario> {
  const { base, ws } = await makeShared(place, 'pull-clone')
  const { program } = place
  await ddv(program, ws, 'push')
  git(base, 'clone', '-q', 'ws', 'clone')
  return { base, program, args: ['pull'], cwd: 'clone', remote: 'remote', writes: ['data/set'] }
}

/** Directories of the data, and a shard of the cache, are new and have files enough to come with all of them at once. */
export async function pullWhole(place: Place): Promise<Scenario> {
  const { base, ws } = await makeWorkspace(place, 'pull-whole')
  const { program } = place
  await ddv(program, ws, 'remote', 'add', 'origin', '../remote', '--default')
  const contents = oneShard(10)
  contents.forEach((content, i) => {
    put(ws, { [`data/set/${i < 5 ? 'a' : 'a/b'}/${i}`]: content })
  })
  await ddv(program, ws, 'add', 'data/set')
  commit(ws)
  await ddv(program, ws, 'push')
  git(base, 'clone', '-q', 'ws', 'clone')
  return { base, program, args: ['pull'], cwd: 'clone', remote: 'remote', writes: ['data/set'] }
}

/** Contents whose digests begin alike. */
function oneShard(count: number): string[] {
  const contents: string[] = []
  for (let i = 0; contents.length < count; i++)
    if (hashBytes(Buffer.from(`content ${i}`)).startsWith('00')) contents.push(`content ${i}`)
  return contents
}

/** The clone has the first version, and gets the second. */
export async function pullSecond(place: Place): Promise<Scenario> {
  const { base, ws } = await makeShared(place, 'pull-second')
  const { program } = place
  await ddv(program, ws, 'push')
  git(base, 'clone', '-q', 'ws', 'clone')
  await ddv(program, join(base, 'clone'), 'pull')
  changeSet(ws)
  await ddv(program, ws, 'add', 'data/set')
  commit(ws)
  await ddv(program, ws, 'push')
  git(join(base, 'clone'), 'pull', '-q')
  return { base, program, args: ['pull'], cwd: 'clone', remote: 'remote', writes: ['data/set'] }
}

export async function removeData(place: Place): Promise<Scenario> {
  const { base, ws } = await makeWorkspace(place, 'remove-data')
  putSet(ws)
  put(ws, { 'data/small.csv': noise(7, 150_000) })
  await ddv(place.program, ws, 'add', 'data/set', 'data/small.csv')
  commit(ws)
  const writes = ['data/set', 'data/small.csv']
  return { base, program: place.program, args: ['remove', '--data', ...writes], writes, once: true }
}

export async function moveOutput(place: Place, kind: 'file' | 'directory'): Promise<Scenario> {
  const { base, ws } = await makeWorkspace(place, `move-${kind}`)
  putSet(ws)
  put(ws, { 'data/small.csv': noise(7, 150_000) })
  await ddv(place.program, ws, 'add', 'data/set', 'data/small.csv')
  commit(ws)
  const [from, to] = kind === 'file' ? ['data/small.csv', 'other/place.csv'] : ['data/set', 'other/set']
  return { base, program: place.program, args: ['move', from, to], writes: [from, to, 'other'], once: true }
}

/** Outs that are a directory, a file, and what git keeps. */
const stages = `stages:
  parts:
    cmd: mkdir -p made/deep; head -c 3000 in.bin > made/deep/head; tail -c 2000 in.bin > made/tail; sleep 0.05
    deps: [in.bin]
    outs: [made]
  whole:
    cmd: sleep 0.05; cat made/deep/head made/tail in.bin > whole.bin; wc -c < whole.bin > size.txt
    deps: [made, in.bin]
    outs: [whole.bin]
    metrics:
      - size.txt: { cache: false }
`

/** In the places of the outs is what nobody ever added. */
export async function reproOver(place: Place): Promise<Scenario> {
  const { base, ws } = await makeWorkspace(place, 'repro-over')
  put(ws, { 'ddv.yaml': stages, 'in.bin': noise(11, 9000) })
  commit(ws)
  put(ws, {
    'made/old/file': noise(12, 400),
    'made/tail': noise(13, 500),
    'whole.bin/was': 'a directory',
    'size.txt': '?',
  })
  return { base, program: place.program, args: ['repro'], writes: [...stageOuts], runsStages: true }
}

const stageOuts = ['made', 'whole.bin', 'size.txt']

/** All was made, and all is stale. */
export async function reproAgain(place: Place, ...flags: string[]): Promise<Scenario> {
  const { base, ws } = await makeWorkspace(place, `repro-again${flags.join('')}`)
  put(ws, { 'ddv.yaml': stages, 'in.bin': noise(11, 9000) })
  await ddv(place.program, ws, 'repro')
  commit(ws)
  put(ws, { 'in.bin': noise(14, 10_000) })
  return { base, program: place.program, args: ['repro', ...flags], writes: [...stageOuts], runsStages: true }
}

/** It was made before, of the same: the run cache has it. */
export async function reproBack(place: Place): Promise<Scenario> {
  const { base, ws } = await makeWorkspace(place, 'repro-back')
  put(ws, { 'ddv.yaml': stages, 'in.bin': noise(14, 10_000) })
  await ddv(place.program, ws, 'repro')
  put(ws, { 'in.bin': noise(11, 9000) })
  await ddv(place.program, ws, 'repro')
  commit(ws)
  put(ws, { 'in.bin': noise(14, 10_000), 'made/mine': 'put there by hand' })
  return { base, program: place.program, args: ['repro'], writes: [...stageOuts], runsStages: true }
}
