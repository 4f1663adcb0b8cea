import { defineCommand } from '../command.js'
import { controlOf, withProject } from '../with-project.js'

export const describe = defineCommand({
  usage: 'describe',
  describe: 'print one name for code and data, fit for a container tag',
  options: {
    short: { type: 'boolean', default: false, describe: 'twelve digits of the commit' },
    data: { type: 'boolean', default: true, describe: 'look at the data too; --no-data where none was pulled' },
  },
  example: ['docker build -t "films:$(ddv describe)" .', 'the commit, with -dirty where code or data differ from it'],
  exits: [1, 3, 10],
  run: async (args, context) => {
    const { describe } = await import('../../ops/describe.js')
    const options = { ...controlOf(context), short: args.short, data: args.data }
    const description = await withProject(context, project => describe(project, options))
    // The answer is the name: a script that says --quiet wants it too.
    if (context.json) context.result(description, () => '')
    else context.print(`${description.name}\n`)
    if (context.verbose) for (const line of reasons(description)) context.warn(line)
  },
})

function reasons({
  code,
  pointers,
  data,
}: Readonly<Record<'code' | 'pointers' | 'data', readonly string[] | undefined>>) {
  const lines = [
    ['in git', code],
    ['another pointer', pointers],
    ['not as its pointer says', data],
  ] as const
  return lines.flatMap(([what, paths]) => (paths ?? []).map(path => `${what}: ${path}`))
}
