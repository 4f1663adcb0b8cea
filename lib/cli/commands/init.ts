import { DdvError } from '../../core/errors.js'
import { displayPath } from '../../core/tree-path.js'
import type { HooksResult } from '../../ops/hooks.js'
import { type Context, defineCommand } from '../command.js'
import { hooksText } from '../hooks-text.js'
import { thisInstallation } from '../program-path.js'

export const init = defineCommand({
  usage: 'init',
  describe: 'make this directory a workspace',
  options: {
    remote: { type: 'string', value: 'URL', describe: 'of the default remote, named origin' },
    hooks: { type: 'boolean', default: false, describe: 'have git call ddv, as with ddv hooks install' },
    git: { type: 'boolean', default: true, describe: 'without git: nothing is ignored or staged' },
  },
  example: ['ddv init --remote s3://bucket/data', 'makes .ddv/ and names where data goes'],
  exits: [1, 3, 10],
  run: async (args, context) => {
    if (args.hooks && !args.git) throw new DdvError('usage', '--hooks are of git, and --no-git is to do without it')
    const { init } = await import('../../ops/init.js')
    const { cwd: directory, io, signal, onEvent } = context
    const result = await init({ directory, env: io.env, noGit: !args.git, signal, onEvent })
    if (args.remote !== undefined) {
      const { addRemote } = await import('../../ops/remotes.js')
      const place = { root: result.root, env: io.env }
      await addRemote(place, 'origin', { layer: 'repository', asDefault: true, options: { url: args.remote } })
    }
    const hooks = args.hooks ? await installHooks(context, result.root) : undefined
    context.result({ ...result, ...(hooks !== undefined && { hooks: hooks.changed }) }, () => {
      const root = displayPath(result.root)
      const made = result.created ? `made a ddv workspace in ${root}\n` : `completed the ddv workspace in ${root}\n`
      return made + (hooks === undefined ? '' : hooksText(hooks, 'installed'))
    })
    return context.fail(hooks?.failures ?? [])
  },
})

async function installHooks({ io }: Context, cwd: string): Promise<HooksResult> {
  const { installGitHooks } = await import('../../ops/hooks.js')
  return installGitHooks({ cwd, env: io.env, installation: thisInstallation() })
}
