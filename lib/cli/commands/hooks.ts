import { displayPath } from '../../core/tree-path.js'
import type { HooksResult, HooksStatus } from '../../ops/hooks.js'
import { type Context, defineCommand, defineGroup } from '../command.js'
import { formatTable } from '../format.js'
import { adviceText, hooksText } from '../hooks-text.js'
import { thisInstallation } from '../program-path.js'

const force = {
  force: { type: 'boolean', default: false, describe: 'overwrite hooks of ddv that were edited by hand' },
} as const

const install = defineCommand({
  usage: 'install',
  describe: 'have git call ddv; hooks that are there are kept and called',
  options: force,
  example: ['ddv hooks install', 'once in each clone'],
  exits: [1, 10],
  run: async (args, context) => {
    const { installGitHooks } = await import('../../ops/hooks.js')
    return tell(context, await installGitHooks(placeOf(context), { force: args.force }), 'installed')
  },
})

const uninstall = defineCommand({
  usage: 'uninstall',
  describe: 'take them away, and give back those that were there before',
  options: force,
  example: ['ddv hooks uninstall', 'git no longer calls ddv'],
  exits: [1, 10],
  run: async (args, context) => {
    const { uninstallGitHooks } = await import('../../ops/hooks.js')
    return tell(context, await uninstallGitHooks(placeOf(context), { force: args.force }), 'removed')
  },
})

const status = defineCommand({
  usage: 'status',
  describe: 'which of them git calls',
  options: { 'exit-code': { type: 'boolean', default: false, describe: 'exit 1 where one is missing' } },
  example: ['ddv hooks status --exit-code', 'for a script that sets up a clone'],
  exits: [1, 10],
  run: async (args, context) => {
    const { hooksStatus } = await import('../../ops/hooks.js')
    const result = await hooksStatus(placeOf(context))
    context.result(result, () => statusText(result))
    return args['exit-code'] && !result.complete ? 1 : 0
  },
})

const placeOf = ({ cwd, io }: Context) => ({ cwd, env: io.env, installation: thisInstallation() })

function tell(context: Context, { failures, ...result }: HooksResult, done: 'installed' | 'removed'): number {
  context.result(result, () => hooksText(result, done))
  return context.fail(failures)
}

const stateText = {
  installed: 'installed',
  outdated: 'installed by another ddv or node',
  edited: 'edited by hand',
  idle: 'not executable, so git passes over it',
  other: 'not of ddv',
  absent: 'absent',
} as const

function statusText(result: HooksStatus): string {
  const rows = result.hooks.map(({ name, state, keeps }) => [
    name,
    `${stateText[state]}${keeps ? `, calls ${name}.before-ddv` : ''}`,
  ])
  const drivers = result.drivers === 'other' ? 'installed by another ddv or node' : result.drivers
  const table = formatTable([...rows, ['merge driver and textconv', drivers]])
  return `${displayPath(result.directory)}\n${table}${adviceText(result)}`
}

export const hooks = defineGroup('hooks', 'have git call ddv, so that code and data stay in step', [
  install,
  uninstall,
  status,
])
