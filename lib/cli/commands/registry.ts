import type { RegistryEvent } from '../../ops/registry.js'
import { defineCommand, defineGroup } from '../command.js'
import { formatBytes, formatCount, formatTable, shortId } from '../format.js'
import { controlOf, withProject } from '../with-project.js'

const remoteOption = {
  remote: { type: 'string', alias: 'r', value: 'NAME', describe: 'registry.remote, or the default one, unless told' },
} as const

const sourceOptions = {
  ...remoteOption,
  git: { type: 'boolean', describe: 'by git tags, and not by the records on the remote' },
} as const

const show = defineCommand({
  usage: 'show [name]',
  describe: 'print the models, the newest version and that of each stage',
  positionals: { name: { type: 'string', describe: 'a model; all unless told' } },
  options: sourceOptions,
  example: ['ddv registry show', 'prints which version of each model is in production'],
  exits: [1, 3, 10, 13, 14],
  run: async (args, context) => {
    const { showRegistry } = await import('../../ops/registry.js')
    const { remote, git } = args
    const options = { ...controlOf(context), remote, git }
    const { failures, ...result } = await withProject(context, project => showRegistry(project, args.name, options))
    context.result(result, () => {
      if (result.models.length === 0) return `no model is registered: 'ddv register MODEL --name NAME' does\n`
      const stages = [...new Set(result.models.flatMap(model => Object.keys(model.stages)))].sort()
      const rows = result.models.map(({ name, newest = '-', stages: of }) => {
        const versions: Readonly<Record<string, string>> = of
        return [name, newest, ...stages.map(stage => versions[stage] ?? '-')]
      })
      return formatTable([['model', 'newest', ...stages.map(stage => `#${stage}`)], ...rows])
    })
    return context.fail(failures)
  },
})

const history = defineCommand({
  usage: 'history <name>',
  describe: 'print the versions of a model and its promotions, in order',
  positionals: { name: { type: 'string', demandOption: true, describe: 'a model' } },
  options: sourceOptions,
  example: ['ddv registry history film-rating', 'prints when which version came, and where it went'],
  exits: [1, 3, 10, 13, 14],
  run: async (args, context) => {
    const { registryHistory } = await import('../../ops/registry.js')
    const { remote, git } = args
    const options = { ...controlOf(context), remote, git }
    const { failures, ...result } = await withProject(context, project => registryHistory(project, args.name, options))
    context.result(result, () => formatTable(result.events.map(rowOf)))
    return context.fail(failures)
  },
})

function rowOf({ event, version, stage, number, hash, size, commit, at }: RegistryEvent): readonly string[] {
  const what =
    event === 'registered'
      ? String(version)
      : `${version ?? '-'} to ${stage}${number === undefined ? '' : `#${number}`}`
  return [
    at === undefined ? '-' : at.toISOString().slice(0, 16).replace('T', ' '),
    event,
    what,
    hash === undefined ? '' : `${hash.slice(0, shortId)}${size === undefined ? '' : ` (${formatBytes(size)})`}`,
    commit === undefined ? '' : `commit ${/^[0-9a-f]{40,}$/.test(commit) ? commit.slice(0, shortId) : commit}`,
  ]
}

const tag = defineCommand({
  usage: 'tag [name]',
  describe: 'make the git tags of what is registered, where they are missing',
  positionals: { name: { type: 'string', describe: 'a model; all unless told' } },
  options: remoteOption,
  example: ['ddv registry tag && git push --tags', 'on a build server: tags of what production registered'],
  exits: [1, 3, 10, 12, 13, 14],
  run: async (args, context) => {
    const { tagRegistry } = await import('../../ops/registry.js')
    const options = { ...controlOf(context), remote: args.remote }
    const { failures, ...result } = await withProject(context, project => tagRegistry(project, args.name, options))
    context.result(result, () => {
      const { made, present } = result
      if (made.length === 0) return `nothing to do: ${formatCount(present.length, 'tag is', 'tags are')} there\n`
      return made.map(tag => `tagged  ${tag}\n`).join('')
    })
    return context.fail(failures)
  },
})

export const registry = defineGroup('registry', 'the models that are registered, and their versions', [
  show,
  history,
  tag,
])
