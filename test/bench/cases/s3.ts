// What goes over the wire to a real S3 store: requests and bytes, counted by a proxy.

import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import {
  amountRow,
  type Bench,
  type BenchCase,
  ddvCommand,
  freshDirectory,
  type Row,
  removeTree,
  transferMemory,
} from '../bench.js'
import { GiB, MiB, makeCsv, verifyTree } from '../data.js'
import { runCommand } from '../processes.js'
import { ddv, git, resetWorkspace } from '../sandbox.js'
import { openStore, type Store } from '../store.js'
import { tree4k } from './add.js'
import { cloneOf } from './directory.js'
import { expect } from './start.js'
import { addedTree } from './workspace.js'

const withStore = (name: string, describe: string, run: (bench: Bench, store: Store) => Promise<Row[]>): BenchCase => ({
  name,
  describe,
  run: async bench => {
    const store = await openStore(bench)
    if (store === undefined) return []
    try {
      return await run(bench, store)
    } finally {
      await store.close()
    }
  },
})

async function connect(bench: Bench, root: string, { url, proxy }: Store): Promise<void> {
  await ddv(bench, root, 'remote', 'add', 'origin', url, '--endpoint', proxy.endpoint, '--default')
  await git(bench, root, 'add', '-A')
  proxy.take()
}

async function commit(bench: Bench, root: string): Promise<void> {
  await git(bench, root, 'add', '-A')
  await git(bench, root, 'commit', '-q', '-m', 'version')
}

/** promises.md: one request for each 32 MiB, and ten. */
const dataRequests = (bytes: number): number => Math.ceil(bytes / (32 * MiB)) + 10

export const s3Many = withStore('s3-many', 'push and pull of 100,000 × 4 KB to S3: requests', async (bench, store) => {
  const tree = tree4k(bench)
  const root = await addedTree(bench, 's3-many', tree)
  await connect(bench, root, store)
  await commit(bench, root)
  const first = await runCommand(ddvCommand(bench, root, ['push']), { sample: true })
  const pushed = store.proxy.take()
  expect(pushed.sent >= tree.bytes, `sent ${pushed.sent} bytes`)
  await runCommand(ddvCommand(bench, root, ['push']))
  const again = store.proxy.take()
  const clone = join(bench.directory, 's3-many.clone')
  await cloneOf(bench, root, clone)
  const pull = await runCommand(ddvCommand(bench, clone, ['pull']), { sample: true })
  const pulled = store.proxy.take()
  verifyTree(tree, join(clone, 'tree'))
  removeTree(root)
  removeTree(clone)
  const packs = Math.ceil(tree.bytes / (32 * MiB))
  const what = `${tree.files} × 4 KB`
  const row = (text: string, unit: Row['unit'], value: number, limit?: number): Row =>
    amountRow({ case: 's3-many', what: `${text}` }, unit, value, limit)
  return [
    row(`push ${what}: requests that carry data`, 'requests', pushed.data, dataRequests(tree.bytes)),
    row(`push ${what}: all requests`, 'requests', pushed.requests),
    row(`push ${what}: time`, 'ms', first.time),
    row(`push ${what}: peak memory`, 'bytes', first.peak, transferMemory),
    row('push again, nothing new: requests', 'requests', again.requests, 2 + 3 + packs / 1000),
    row(`pull ${what}: requests that carry data`, 'requests', pulled.data, dataRequests(tree.bytes)),
    row(`pull ${what}: all requests`, 'requests', pulled.requests),
    row(`pull ${what}: time`, 'ms', pull.time),
    row(`pull ${what}: peak memory`, 'bytes', pull.peak, transferMemory),
  ]
})

export const insertRow = withStore(
  'insert-row',
  'one row inserted near the head of a large CSV: bytes',
  async (bench, store) => {
    const size = bench.quick ? 128 * MiB : GiB
    const root = freshDirectory(bench, 'insert-row')
    await resetWorkspace(bench, root, [])
    const file = join(root, 'sales.csv')
    makeCsv(file, size)
    await ddv(bench, root, 'add', 'sales.csv')
    await connect(bench, root, store)
    await commit(bench, root)
    const first = await runCommand(ddvCommand(bench, root, ['push']), { sample: true })
    const whole = store.proxy.take()
    const clone = join(bench.directory, 'insert-row.clone')
    await cloneOf(bench, root, clone)
    await ddv(bench, clone, 'pull')
    store.proxy.take()
    rmSync(file)
    makeCsv(file, size, '99,2021-01-01T00:00:00.000Z,Kassel,figs,1,4.20,00000000,inserted')
    await ddv(bench, root, 'add', 'sales.csv')
    await commit(bench, root)
    await ddv(bench, root, 'push')
    const pushed = store.proxy.take()
    await git(bench, clone, 'pull', '-q')
    const pull = await runCommand(ddvCommand(bench, clone, ['pull']), { sample: true })
    const pulled = store.proxy.take()
    await runCommand({ argv: ['cmp', file, join(clone, 'sales.csv')], env: { PATH: process.env.PATH ?? '' } })
    const bytes = statSync(file).size
    removeTree(root)
    removeTree(clone)
    const row = (what: string, unit: Row['unit'], value: number, limit?: number): Row =>
      amountRow({ case: 'insert-row', what }, unit, value, limit)
    const what = `CSV of ${size / MiB} MiB`
    return [
      row(`push ${what}, first: bytes sent`, 'bytes', whole.sent),
      row(`push ${what}, first: time`, 'ms', first.time),
      row(`push ${what}, first: peak memory`, 'bytes', first.peak, transferMemory),
      row(`push ${what}, a row inserted: bytes sent`, 'bytes', pushed.sent, bytes / 1000),
      row(`push ${what}, a row inserted: requests`, 'requests', pushed.requests),
      row(`pull ${what}, a row inserted: bytes received`, 'bytes', pulled.received, bytes / 1000),
      row(`pull ${what}, a row inserted: time`, 'ms', pull.time),
      row(`pull ${what}, a row inserted: peak memory`, 'bytes', pull.peak, transferMemory),
    ]
  },
)
