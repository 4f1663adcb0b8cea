// Guards the ranks of lib/README.md: a folder imports itself and lower ranks, folders of one rank never meet, and each
// npm package has one owner. It reads the sources, so that a breach fails before it runs.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import t from 'tap'

const root = resolve(import.meta.dirname, '../..')
const lib = join(root, 'lib')

const ranks: Readonly<Record<string, number>> = {
  core: 0,
  sys: 1,
  cache: 2,
  remote: 2,
  workspace: 2,
  git: 2,
  pipeline: 2,
  data: 2,
  ops: 3,
  cli: 4,
}

/** Package → the only files or folders of lib that may import it. */
const owners: Readonly<Record<string, readonly string[]>> = {
  blake3: ['sys/hash.ts'],
  '@napi-rs/blake-hash': ['sys/hash.ts'],
  lmdb: ['sys/kv.ts'],
  '@mongodb-js/zstd': ['sys/compress.ts'],
  'gearhash-jit': ['remote/gear.ts'],
  '@aws-sdk/client-s3': ['remote/s3-client.ts'],
  '@smithy/node-http-handler': ['remote/s3-client.ts'],
  'isomorphic-git': ['git/'],
  yargs: ['cli/'],
  picocolors: ['cli/'],
  'fast-glob': ['workspace/'],
  ignore: ['workspace/'],
  yaml: ['core/'],
  'smol-toml': ['core/'],
  '@duckdb/node-api': ['data/'],
  pg: ['data/postgres.ts', 'data/postgres-values.ts'],
  'pg-cursor': ['data/postgres.ts'],
  '@google-cloud/bigquery': ['data/bigquery.ts'],
}

interface Import {
  readonly file: string
  readonly from: string
}

function sources(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap(entry => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return sources(path)
    return path.endsWith('.ts') ? [path] : []
  })
}

const importPattern = /(?:\bfrom\s+|\bimport\s*\(\s*|\bimport\s+|\brequire\(\s*)'([^']+)'/g

const imports: Import[] = sources(lib).flatMap(file =>
  [...readFileSync(file, 'utf8').matchAll(importPattern)].map(match => ({
    file: relative(lib, file),
    from: match[1] as string,
  })),
)

const room = (file: string): string => (file.includes('/') ? (file.split('/')[0] as string) : '')

t.test('folders import only themselves and lower ranks', async t => {
  t.ok(imports.length > 50, 'the sources were found')
  for (const { file, from } of imports) {
    if (!from.startsWith('.') || room(file) === '') continue
    const target = relative(lib, resolve(lib, dirname(file), from))
    const [here, there] = [room(file), room(target)]
    t.ok(here in ranks, `${file} stands in a known folder`)
    if (here === there) continue
    t.ok((ranks[there] ?? 9) < (ranks[here] ?? -1), `${file} imports ${target}`)
  }
})

t.test('each npm package has one owner', async t => {
  for (const { file, from } of imports) {
    if (from.startsWith('.') || from.startsWith('node:')) continue
    const name = from
      .split('/')
      .slice(0, from.startsWith('@') ? 2 : 1)
      .join('/')
    const allowed = owners[name] ?? []
    t.ok(
      allowed.some(owner => file === owner || (owner.endsWith('/') && file.startsWith(owner))),
      `${file} imports ${from}`,
    )
  }
})

t.test('core touches neither disk nor clock nor network', async t => {
  for (const { file, from } of imports)
    if (room(file) === 'core') t.notOk(from.startsWith('node:'), `${file} imports ${from}`)
})

t.test('only the command line prints, exits or reads its surroundings', async t => {
  for (const file of sources(lib)) {
    const name = relative(lib, file)
    if (room(name) === 'cli') continue
    const code = readFileSync(file, 'utf8')
      .replace(/\/\/.*$/gm, '')
      .replace(/\/\*[\s\S]*?\*\//g, '')
    t.notMatch(code, /console\.|process\.(exit|chdir|cwd|env|stdout|stderr)\b/, name)
  }
})

t.test('no file of lib has more than 400 lines', async t => {
  for (const file of sources(lib)) t.ok(readFileSync(file, 'utf8').split('\n').length <= 401, relative(lib, file))
})

t.test('files import each other without cycles', async t => {
  const graph = new Map<string, string[]>()
  for (const { file, from } of imports)
    if (from.startsWith('.')) {
      const target = relative(lib, resolve(lib, dirname(file), from)).replace(/\.js$/, '.ts')
      graph.set(file, [...(graph.get(file) ?? []), target])
    }
  const done = new Set<string>()
  const visit = (file: string, trail: readonly string[]): void => {
    t.notOk(trail.includes(file), `no cycle: ${[...trail, file].join(' → ')}`)
    if (done.has(file) || trail.includes(file)) return
    for (const next of graph.get(file) ?? []) visit(next, [...trail, file])
    done.add(file)
  }
  for (const file of graph.keys()) visit(file, [])
})
