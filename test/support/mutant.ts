// ddv with a mistake put in on purpose: a checker that finds nothing proves nothing.

import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dist, loadProgram, type Program } from './program.js'

export interface Mutation {
  /** Below `lib`, as compiled: `ops/add.js`. */
  readonly file: string
  /** Stands there exactly once. */
  readonly find: string
  readonly replace: string
}

/** Throws where a mutation finds its place not, or twice: then the code has changed, and the mutation has to. */
export async function makeMutant(directory: string, mutations: readonly Mutation[]): Promise<Program> {
  const copy = join(directory, 'dist')
  mkdirSync(copy, { recursive: true })
  for (const part of ['lib', 'bin']) cpSync(join(dist, part), join(copy, part), { recursive: true })
  const root = join(dist, '..')
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
  cpSync(join(root, 'package.json'), join(directory, 'package.json'))
  for (const { file, find, replace } of mutations) {
    const path = join(copy, 'lib', file)
    const [head, tail, ...more] = readFileSync(path, 'utf8').split(find)
    if (head === undefined || tail === undefined || more.length > 0)
      throw new Error(`mutant: ${tail === undefined ? 'not' : 'more than once'} in lib/${file}: ${find}`)
    writeFileSync(path, head + replace + tail)
  }
  // Bundled as ddv itself is: it is started so often that this pays.
  const bundle = join(copy, 'test/support/bundle.js')
  cpSync(join(dist, 'test/support/bundle.js'), bundle)
  execFileSync(process.execPath, [bundle], { stdio: 'pipe' })
  return loadProgram(copy)
}

const fs = `process.getBuiltinModule('node:fs')`

const inPlace: Mutation = {
  file: 'sys/durable-renames.js',
  find: 'renameSync(from, to);',
  replace: `if (!to.includes('/.cache/')) renameSync(from, to);
        else {
            const fs = ${fs};
            const fd = fs.openSync(to, 'w', 0o444);
            fs.writeSync(fd, fs.readFileSync(from));
            fs.closeSync(fd);
            fs.rmSync(from);
        }`,
}

export const mutations = {
  'pointer before its blobs': [
    {
      file: 'ops/add.js',
      find: 'await batch.commit(context.signal);',
      replace: 'await writePointers(project, prepared, context.locked); await batch.commit(context.signal);',
    },
  ],
  'blobs written in place': [inPlace],
  'a name taken for its content': [
    inPlace,
    {
      file: 'cache/store.js',
      find: `return stat.isFile() && Number(stat.size) === bytes.length && readFileSync(blob).equals(bytes) ? 'blob' : 'other';`,
      replace: `return 'blob';`,
    },
  ],
  'recipe before its packs': [
    {
      file: 'remote/pack-writer.js',
      find: 'await remote.put(packKey(info.digest), new Uint8Array(into.buffer, 0, info.size), { signal });',
      replace: `const bytes = new Uint8Array(into.buffer.slice(0, info.size));
        const late = new Promise(resolve => setTimeout(resolve, 200));
        this.#sending.add(late.then(() => remote.put(packKey(info.digest), bytes, { signal })));`,
    },
  ],
  'data deleted unseen': [{ file: 'ops/checkout-plan.js', find: 'if (names.length > 0)', replace: 'if (false)' }],
} satisfies Record<string, readonly Mutation[]>
