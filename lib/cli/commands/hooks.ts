import { displayPath } from '../../core/tree-path.js'
import type { HooksResult, HooksStatus } from '../../ops/hooks.js'
import { type Context, defineCommand, defineGroup } from '../command.js'
import { formatTable } from '../format.js'
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

function tell(context: Context, { failures, ...result }: HooksResult, done: string): number {
  context.result(result, () => {
    const hooks = result.changed.length === 0 ? 'nothing to change' : `${done} ${result.changed.join(', ')}`
    return `${hooks} in ${displayPath(result.directory)}\n${done === 'installed' ? adviceText(result) : ''}`
  })
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

function adviceText({ inWorktree, shared, directory, managers }: HooksStatus): string {
  const place = displayPath(directory)
  const where = shared
    ? `other repositories use ${place} too: there ddv does nothing unless they ask for it\n`
    : inWorktree && !managers.some(manager => manager.owns)
      ? `${place} is in the working tree: git may track these files, and they name this machine's ddv\n`
      : ''
  return where + managers.map(manager => managerText(manager)).join('')
}

function managerText({ name, owns, lines }: HooksStatus['managers'][number]): string {
  const missing = lines.filter(({ present }) => !present)
  if (missing.length === 0) return ''
  const why = owns
    ? `${name} writes git's hooks here, so ddv does not`
    : `${name} is in use here, for hooks that come with the repository`
  return `${why}; paste\n${missing.map(({ file, text }) => `into ${displayPath(file)}:\n\n${indent(text)}\n\n`).join('')}`
}

const indent = (text: string): string => text.replace(/^/gm, '    ')

export const hooks = defineGroup('hooks', 'have git call ddv, so that code and data stay in step', [
  install,
  uninstall,
  status,
])
