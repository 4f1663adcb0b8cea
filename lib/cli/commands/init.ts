import { defineCommand } from '../command.js'

export const init = defineCommand({
  usage: 'init',
  describe: 'make this directory a workspace',
  options: {
    remote: { type: 'string', value: 'URL', describe: 'of the default remote, named origin' },
    git: { type: 'boolean', default: true, describe: 'without git: nothing is ignored or staged' },
  },
  example: ['ddv init --remote s3://bucket/data', 'makes .ddv/ and names where data goes'],
  exits: [1, 3, 10],
  run: async (args, context) => {
    const { init } = await import('../../ops/init.js')
    const { cwd: directory, io, signal, onEvent } = context
    const result = await init({ directory, env: io.env, noGit: !args.git, signal, onEvent })
    if (args.remote !== undefined) {
      const { addRemote } = await import('../../ops/remotes.js')
      const place = { root: result.root, env: io.env }
      await addRemote(place, 'origin', { layer: 'repository', asDefault: true, options: { url: args.remote } })
    }
    context.result(result, () =>
      result.created ? `made a ddv workspace in ${result.root}\n` : `completed the ddv workspace in ${result.root}\n`,
    )
  },
})
