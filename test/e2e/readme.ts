// What README tells a build server to do is what this program takes.

import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { expandStages } from '../../lib/core/expand-stages.js'
import { decodePipelineFile } from '../../lib/core/pipeline-file.js'
import { pipelineFileName } from '../../lib/core/stage.js'
import type { TreePath } from '../../lib/core/tree-path.js'
import { ddv, temporaryDirectory } from '../support/workspace.js'

const text = readFileSync(join(resolve(import.meta.dirname, '../../..'), 'README.md'), 'utf8')

const blocks = (language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map(match => match[1] ?? '')

/** Every text in a document, whatever it stands under. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : []
}

/** Command lines of ddv, those inside of others among them. */
const commandsIn = (script: string): string[][] =>
  [...script.matchAll(/(?:^|\$\(|&& |; )ddv ([^\n"')&|;#]*)/gm)].map(match => (match[1] ?? '').trim().split(/\s+/))

t.test('the examples for build servers parse, and the program takes their commands', async t => {
  const all = blocks('yaml').map(block => ({ block, document: parse(block) as Record<string, unknown> }))
  const documents = all.flatMap(({ document }) => ('stages' in document ? [] : [document]))
  t.equal(documents.length, 2)
  const [pipeline] = all.filter(({ document }) => 'stages' in document)
  const { stages } = expandStages(decodePipelineFile(pipeline?.block ?? '', pipelineFileName as TreePath), {
    files: new Map([['params.yaml' as TreePath, { prepare: { min_votes: 1000 } }]]),
  })
  t.same(
    stages.map(({ name }) => name),
    ['prepare', 'train@0.001', 'train@0.01'],
  )
  t.match(documents[0], { jobs: { verify: { steps: [{ with: { 'fetch-depth': 0 } }] } } })
  t.match(documents[1], { 'verify-data': { variables: { GIT_DEPTH: 0 } } })
  const commands = documents.flatMap(textsOf).flatMap(commandsIn)
  t.match(commands, [
    ['verify', '--rev', 'origin/main..HEAD'],
    ['verify', '--rev', 'origin/main..HEAD'],
    ['describe', '--no-data'],
  ])
  await accepted(t, commands)
})

t.test('those of the container, too', async t => {
  const commands = [...blocks('dockerfile'), ...blocks('sh')]
    .map(block => block.replace(/^RUN /gm, ''))
    .flatMap(commandsIn)
  t.match(commands.map(([verb]) => verb).sort(), ['--version', 'describe', 'describe', 'pull'])
  await accepted(t, commands)
})

/** Outside of a workspace: a command line that the parser takes ends with 10, or is done. */
async function accepted(t: Parameters<typeof temporaryDirectory>[0], commands: readonly string[][]): Promise<void> {
  const cwd = temporaryDirectory(t)
  for (const argv of commands) {
    const { code, stderr } = await ddv(cwd, argv)
    t.ok(code === 10 || code === 0, `ddv ${argv.join(' ')}: ${code} ${stderr}`)
  }
  t.equal((await ddv(cwd, ['verify', '--revision', 'x'])).code, 2, 'as others are not')
}
