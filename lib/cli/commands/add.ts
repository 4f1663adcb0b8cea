import { DdvError } from '../../core/errors.js'
import type { Json } from '../../core/json.js'
import { displayPath } from '../../core/tree-path.js'
import { defineCommand } from '../command.js'
import { formatBytes, formatCount } from '../format.js'
import { controlOf, withProject } from '../with-project.js'

export const add = defineCommand({
  usage: 'add <targets..>',
  describe: 'put data under ddv, or bring it up to date',
  positionals: {
    targets: { type: 'string', array: true, demandOption: true, describe: 'files, directories or globs' },
  },
  options: {
    meta: { type: 'string', array: true, value: 'KEY=VALUE', describe: 'to keep in the pointer; VALUE may be JSON' },
    follow: { type: 'boolean', default: false, describe: 'take links that stay inside for what they lead to' },
    force: { type: 'boolean', default: false, describe: 'read everything again' },
  },
  example: ['ddv add data/raw/movies.csv', 'writes data/raw/movies.csv.ddv and stages it in git'],
  exits: [1, 3, 10, 11, 15],
  run: async (args, context) => {
    const { add } = await import('../../ops/add.js')
    const { targets, follow, force } = args
    const options = { ...controlOf(context), meta: parseMeta(args.meta ?? []), follow, force }
    const { outputs, failures } = await withProject(context, project => add(project, targets, options))
    context.result({ outputs }, () =>
      outputs
        .map(({ changed, pointer, size, files }) => {
          const count = files === undefined ? '' : `, ${formatCount(files, 'file')}`
          const path = displayPath(pointer.replace(/\.ddv$/, ''))
          return `${changed ? 'added' : 'unchanged'}  ${path} (${formatBytes(size)}${count})\n`
        })
        .join(''),
    )
    return context.fail(failures)
  },
})

function parseMeta(pairs: readonly string[]): Record<string, Json> {
  return Object.fromEntries(
    pairs.map(pair => {
      const [, key, value = ''] = /^([^=]+)=(.*)$/s.exec(pair) ?? []
      if (key === undefined || key === '__proto__')
        throw new DdvError('usage', `--meta is not KEY=VALUE: ${displayPath(pair)}`)
      return [key, jsonOrText(value)]
    }),
  )
}

function jsonOrText(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    return text
  }
}
