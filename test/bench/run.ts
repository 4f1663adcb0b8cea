// `npm run bench`: the speed rows of the promises, ddv and its references side by side in one run.
//
//   npm run bench -- [--quick] [--case NAME…] [--list] [--dir DIRECTORY] [--program FILE] [--output FILE]

import { existsSync, mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Bench, type BenchCase, type Row, removeTree } from './bench.js'
import { addLarge, addMany4k, addMany100k } from './cases/add.js'
import { pullMany, pushLarge, pushMany } from './cases/directory.js'
import { repro } from './cases/pipeline.js'
import { insertRow, s3Many } from './cases/s3.js'
import { addAgain, start } from './cases/start.js'
import { checkout, pointers, status } from './cases/workspace.js'
import { isThere, machineFacts } from './machine.js'
import { formatRows, rowsAsJson } from './report.js'

const cases: readonly BenchCase[] = [
  start,
  addLarge,
  addAgain,
  addMany100k,
  addMany4k,
  status,
  checkout,
  pushLarge,
  pushMany,
  pullMany,
  s3Many,
  insertRow,
  pointers,
  repro,
]

const root = resolve(import.meta.dirname, '../../..')
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    case: { type: 'string', multiple: true, default: [] },
    list: { type: 'boolean', default: false },
    dir: { type: 'string' },
    program: { type: 'string', default: join(root, 'dist/bundle/ddv.js') },
    output: { type: 'string', default: join(root, 'bench-results.json') },
  },
})

if (values.list) for (const { name, describe } of cases) console.log(`${name.padEnd(16)}${describe}`)
else process.exitCode = await run([...values.case, ...positionals])

async function run(names: readonly string[]): Promise<number> {
  const unknown = names.find(name => !cases.some(one => one.name === name))
  if (unknown !== undefined) return fail(`no such case: ${unknown}`)
  const program = resolve(values.program)
  if (!existsSync(program)) return fail(`not built: ${program}`)
  const [directory, keep] = scratch(values.dir)
  const bench: Bench = {
    quick: values.quick,
    directory,
    program,
    has: isThere,
    say: text => console.error(`- ${text}`),
  }
  mkdirSync(join(directory, 'home'), { recursive: true })
  if (!bench.has('dvc')) bench.say('skipped: DVC as a reference, it is not on PATH')
  const machine = machineFacts(directory)
  const rows: Row[] = []
  const failures: { case: string; error: string }[] = []
  try {
    for (const { name, run } of cases) {
      if (names.length > 0 && !names.includes(name)) continue
      bench.say(name)
      try {
        rows.push(...(await run(bench)))
      } catch (error) {
        failures.push({ case: name, error: String(error) })
        bench.say(`failed: ${name}: ${error instanceof Error ? error.stack : error}`)
      }
    }
  } finally {
    if (!keep) removeTree(directory)
  }
  console.log(formatRows(rows))
  for (const failure of failures) console.log(`${failure.case}: FAILED: ${failure.error.split('\n')[0]}`)
  const result = { date: new Date().toISOString(), quick: values.quick, machine, rows: rowsAsJson(rows), failures }
  writeFileSync(values.output, `${JSON.stringify(result, null, 2)}\n`)
  return failures.length === 0 ? 0 : 1
}

/** A given directory keeps its data for the next run. */
function scratch(given: string | undefined): [string, boolean] {
  if (given === undefined) return [realpathSync(mkdtempSync(join(tmpdir(), 'ddv-bench-'))), false]
  mkdirSync(given, { recursive: true })
  return [realpathSync(given), true]
}

function fail(message: string): number {
  console.error(`bench: ${message}`)
  return 2
}
