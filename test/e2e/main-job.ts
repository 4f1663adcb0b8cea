// The main job: two people, one remote, two versions, and back; byte by byte.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { git } from '../support/git.js'
import { findS3Server, noS3Server } from '../support/s3-server.js'
import { noise } from '../support/transfer.js'
import { makeWorkspace, openWorkspace, type TestWorkspace } from '../support/workspace.js'

type Test = Parameters<typeof makeWorkspace>[0]

/** Path → digest by another algorithm than ddv's, and mode. */
function fingerprint(root: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isFile() || path.includes('/.git/') || path.includes('/.ddv/') || path.includes('/.cache/')) continue
    const hash = createHash('sha256').update(readFileSync(path)).digest('hex')
    found[path.slice(root.length + 1)] = `${hash} ${statSync(path).mode & 0o100 ? 'x' : '-'}`
  }
  return found
}

async function ok(t: Test, w: TestWorkspace, ...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await w.ddv(...argv)
  t.equal(code, 0, `ddv ${argv.join(' ')}: ${stderr}`)
  return stdout
}

async function mainJob(
  t: Test,
  remote: readonly string[],
  env: Record<string, string | undefined> = {},
): Promise<void> {
  const big = noise(3_000_000, 7)
  const w = await makeWorkspace(t, {
    env,
    files: {
      'data/raw/table.csv': Array.from({ length: 20_000 }, (_, i) => `${i},row ${i},${i * 7}\n`).join(''),
      'data/big.bin': big,
      'data/cards/run.sh': '#!/bin/sh\n',
      'data/cards/empty.txt': '',
      ...Object.fromEntries(
        Array.from({ length: 200 }, (_, i) => [`data/cards/${i % 9}/card ${i}.json`, `{"card": ${i}}`]),
      ),
      'code.py': 'print(1)\n',
    },
  })
  chmodSync(w.path('data/cards/run.sh'), 0o755)
  await ok(t, w, 'remote', 'add', 'storage', ...remote, '--default')
  const { outputs } = JSON.parse(
    await ok(t, w, 'add', 'data/raw/table.csv', 'data/big.bin', 'data/cards', '--json'),
  ) as {
    outputs: { filename: string; filepath: string; hash: string; size: number; kind: string; pointer: string }[]
  }
  t.same(
    outputs.map(one => one.filename),
    ['table.csv', 'big.bin', 'cards'],
  )
  for (const one of outputs) {
    t.match(one, { hash: /^[0-9a-f]{64}$/, size: Number, kind: /^(file|directory)$/, pointer: /\.ddv$/ })
    t.match(one.filepath, `.cache/${one.hash.slice(0, 2)}/${one.hash.slice(2)}`)
    t.ok(w.has(one.filepath))
    t.equal(JSON.parse(w.read(one.pointer)).hash, one.hash)
  }
  if (hasB3sum())
    for (const one of outputs)
      t.equal(
        execFileSync('b3sum', ['--no-names', w.path(one.filepath)], { encoding: 'utf8' }).trim(),
        one.hash,
        'b3sum agrees',
      )
  w.git('add', 'code.py')
  w.commit('version 1')
  t.equal(w.git('status', '--porcelain'), '')
  t.notMatch(w.git('ls-files'), /table\.csv$|big\.bin$|card /m, 'no data in git')
  await ok(t, w, 'push')
  const first = fingerprint(w.root)

  git(w.root, 'clone', '-q', '.', '../other')
  const other = openWorkspace(t, w.path('../other'), w.env)
  await ok(t, other, 'pull')
  t.same(fingerprint(other.root), first, 'the clone has version 1')
  await ok(t, other, 'status', '--exit-code')
  t.equal(other.git('status', '--porcelain'), '')

  const table = other.read('data/raw/table.csv').split('\n')
  other.write({
    'data/raw/table.csv': [...table.slice(0, 3), 'a row,that was,forgotten', ...table.slice(3)].join('\n'),
    'data/cards/0/card 0.json': '{}',
    'data/cards/new/card.json': '{"new": true}',
    'data/big.bin': Buffer.concat([big, noise(1000, 8)]),
  })
  other.remove('data/cards/1')
  chmodSync(other.path('data/cards/run.sh'), 0o644)
  t.equal((await other.ddv('status', '--exit-code')).code, 1)
  await ok(t, other, 'add', 'data/raw/table.csv', 'data/big.bin', 'data/cards')
  other.commit('version 2')
  const { bytesSent } = JSON.parse(await ok(t, other, 'push', '--json')) as { bytesSent: number }
  t.ok(bytesSent < 600_000, `the second version sent ${bytesSent} bytes`)
  const second = fingerprint(other.root)
  t.notSame(second, first)

  w.git('pull', '-q', '../other', 'main')
  const { bytesReceived } = JSON.parse(await ok(t, w, 'pull', '--json')) as { bytesReceived: number }
  t.ok(bytesReceived < 600_000, `and received ${bytesReceived}`)
  t.same(fingerprint(w.root), second, 'the first has version 2')
  for (const clone of [w, other]) {
    clone.git('checkout', '-q', 'HEAD~1')
    await ok(t, clone, 'checkout')
    t.same(fingerprint(clone.root), first, 'back at version 1')
    await ok(t, clone, 'status', '--exit-code')
    clone.git('checkout', '-q', 'main')
    await ok(t, clone, 'checkout')
    t.same(fingerprint(clone.root), second, 'and again version 2')
    t.equal(clone.git('status', '--porcelain'), '')
  }

  git(w.root, 'clone', '-q', '.', '../third')
  const third = openWorkspace(t, w.path('../third'), w.env)
  third.git('checkout', '-q', 'HEAD~1')
  await ok(t, third, 'pull')
  t.same(fingerprint(third.root), first, 'an old version from the remote alone')
  t.match(JSON.parse(await ok(t, third, 'push', '--json')), { bytesSent: 0 })
}

function hasB3sum(): boolean {
  try {
    execFileSync('b3sum', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

t.test('with a directory', async t => mainJob(t, ['../bucket']))

t.test('with S3', async t => {
  const server = findS3Server()
  if (server === undefined) {
    t.pass(noS3Server, { skip: noS3Server })
    return
  }
  const bucket = await server.makeBucket()
  await mainJob(t, [`s3://${bucket}/some/prefix`, '--endpoint', server.endpoint, '--region', 'us-east-1'])
})
