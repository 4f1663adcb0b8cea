// How long ddv takes to be there at all.

import { linkSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  atMost,
  type Bench,
  type BenchCase,
  dataPath,
  ddvCommand,
  environment,
  freshDirectory,
  removeTree,
  timeRows,
} from '../bench.js'
import { GiB, MiB, makeRandomFile } from '../data.js'
import { type Contender, measure } from '../measure.js'
import { ddv, git, resetWorkspace, verifyAdded } from '../sandbox.js'

const bareNode = (bench: Bench): Contender => ({
  name: 'node -e 0',
  command: { argv: [process.execPath, '-e', '0'], env: environment(bench) },
  verify: () => undefined,
})

export const start: BenchCase = {
  name: 'start',
  describe: 'ddv --version and ddv status in a small workspace',
  run: async bench => {
    const root = freshDirectory(bench, 'start')
    await resetWorkspace(bench, root, [])
    mkdirSync(join(root, 'data'))
    for (let i = 0; i < 10; i++) writeFileSync(join(root, 'data', `part-${i}.csv`), `id,value\n${i},${i * i}\n`)
    await ddv(bench, root, 'add', 'data')
    const version: Contender = {
      name: 'ddv --version',
      command: ddvCommand(bench, root, ['--version']),
      verify: stdout => expect(/^\d+\.\d+\.\d+\n$/.test(stdout), stdout),
    }
    const status: Contender = {
      name: 'ddv status',
      command: ddvCommand(bench, root, ['status', '--json']),
      verify: stdout => expect((JSON.parse(stdout) as { clean: boolean }).clean, stdout),
    }
    await git(bench, root, 'commit', '-q', '-m', 'data')
    writeFileSync(join(root, 'code.js'), 'code\n')
    await git(bench, root, 'add', 'code.js')
    await ddv(bench, root, 'hooks', 'install')
    const hook: Contender = {
      name: 'pre-commit',
      command: { argv: [join(root, '.git/hooks/pre-commit')], cwd: root, env: environment(bench) },
      verify: () => undefined,
    }
    const options = { rounds: bench.quick ? 15 : 31, warmUps: 3 }
    const [v, s, h, node] = await measure([version, status, hook, bareNode(bench)], options)
    if (v === undefined || s === undefined || h === undefined || node === undefined) return []
    removeTree(root)
    return [
      ...timeRows({ case: 'start', what: 'ddv --version' }, [v, node], [atMost(1.7)]),
      ...timeRows({ case: 'start', what: 'ddv status, small workspace' }, [s, node], [atMost(2.8)]),
      ...timeRows({ case: 'start', what: 'pre-commit, no pointer touched' }, [h, node], [atMost(2.2)]),
    ]
  },
}

export const addAgain: BenchCase = {
  name: 'add-again',
  describe: 'ddv add of a large file that has not changed',
  run: async bench => {
    const size = bench.quick ? 512 * MiB : 4 * GiB
    const root = freshDirectory(bench, 'add-again')
    await resetWorkspace(bench, root, [])
    placeLarge(bench, root, size)
    await ddv(bench, root, 'add', 'large.bin')
    const again: Contender = {
      name: 'ddv add',
      command: ddvCommand(bench, root, ['add', 'large.bin', '--json']),
      verify: stdout => {
        expect(/"changed":false/.test(stdout), stdout)
        verifyAdded(root, 'large.bin', { files: 1, bytes: size, blobs: 1 })
      },
    }
    const version: Contender = {
      name: 'ddv --version',
      command: ddvCommand(bench, root, ['--version']),
      verify: () => undefined,
    }
    const samples = await measure([again, version], { rounds: bench.quick ? 15 : 31, warmUps: 3 })
    removeTree(root)
    return timeRows({ case: 'add-again', what: 'add 1 file, unchanged' }, samples, [atMost(1.3)])
  },
}

/** The shared large file in a workspace, without a copy of its bytes. */
export function placeLarge(bench: Bench, root: string, size: number): string {
  const source = makeRandomFile(dataPath(bench, `random-${size}.bin`), size)
  linkSync(source, join(root, 'large.bin'))
  return source
}

export function expect(so: boolean, said: string): void {
  if (!so) throw new Error(`unexpected answer: ${said.slice(0, 2000)}`)
}
