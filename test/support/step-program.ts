// Stands in for ddv where a pipeline runs built-in steps: tests of how stages are run need no warehouse. As `ddv step` is,
// it is called with `--cd ROOT step NAME JSON`.

import { appendFileSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { processIo } from '../../lib/cli/io.js'
import { main } from '../../lib/cli/main.js'

const [, root = '', , name = '', json = ''] = process.argv.slice(2)
const options = JSON.parse(json) as Record<string, string>
const at = (key: string): string => join(root, options[key] ?? '')
const tell = (result: object): void => writeFileSync(process.env.DDV_RESULT ?? '', JSON.stringify(result))

appendFileSync(join(root, 'steps'), `${name}\n`)
if (name === 'extract') {
  mkdirSync(dirname(at('to')), { recursive: true })
  writeFileSync(at('to'), readFileSync(at('query')))
  tell({ rows: 2, table: 'films' })
} else if (name === 'validate') {
  const valid = !readFileSync(at('data'), 'utf8').includes('bad')
  writeFileSync(at('report'), `${valid}\n`)
  tell({ valid })
  process.exitCode = valid ? 0 : 1
} else if (name === 'load') {
  mkdirSync(dirname(at('to')), { recursive: true })
  copyFileSync(at('data'), at('to'))
  process.exitCode = await main(['--cd', root, 'add', options.to ?? ''], processIo())
}
