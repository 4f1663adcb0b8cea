import { DdvError } from '../../core/errors.js'
import { displayPath } from '../../core/tree-path.js'
import { defineCommand, defineGroup } from '../command.js'
import { layerOf, layerOptions, placeOf } from '../config-place.js'
import { formatTable } from '../format.js'

const name = { type: 'string', demandOption: true, describe: 'letters, digits, - and _' } as const

const settings = {
  endpoint: { type: 'string', value: 'URL', describe: 'an S3 store that is not AWS: https://host' },
  region: { type: 'string', value: 'NAME', describe: 'of the bucket' },
  profile: { type: 'string', value: 'NAME', describe: 'of your AWS configuration' },
  'path-style': { type: 'boolean', describe: 'endpoint/bucket/key, not bucket.endpoint/key' },
  'allow-http': { type: 'boolean', describe: 'plain http: beyond this machine (needs --local or --user)' },
  default: { type: 'boolean', default: false, describe: 'make it the default remote' },
} as const

interface Settings {
  readonly endpoint: string | undefined
  readonly region: string | undefined
  readonly profile: string | undefined
  readonly 'path-style': boolean | undefined
  readonly 'allow-http': boolean | undefined
}

const optionsOf = (args: Settings): Record<string, string | boolean> => {
  const { endpoint, region, profile, 'path-style': pathStyle, 'allow-http': allowHttp } = args
  const given = { endpoint, region, profile, pathStyle, allowHttp }
  return Object.fromEntries(
    Object.entries(given).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  )
}

const add = defineCommand({
  usage: 'add <name> <url>',
  describe: 'name a place to push to and pull from',
  positionals: {
    name,
    url: { type: 'string', demandOption: true, describe: 'a path, file:/path or s3://bucket/prefix' },
  },
  options: { ...settings, ...layerOptions },
  example: ['ddv remote add origin s3://bucket/data --default', 'pushes there from now on'],
  exits: [3, 10, 11, 15],
  run: async (args, context) => {
    const { addRemote } = await import('../../ops/remotes.js')
    const options = { url: args.url, ...optionsOf(args) }
    const result = await addRemote(placeOf(context), args.name, {
      layer: layerOf(args),
      asDefault: args.default,
      options,
    })
    context.result({ name: args.name, url: args.url, file: result.file }, () => `added remote ${args.name}\n`)
  },
})

const modify = defineCommand({
  usage: 'modify <name>',
  describe: 'change settings of a remote',
  positionals: { name },
  options: {
    url: { type: 'string', value: 'URL', describe: 'where it is' },
    ...settings,
    unset: { type: 'string', array: true, value: 'SETTING', describe: 'take a setting away: --unset region' },
    ...layerOptions,
  },
  example: ['ddv remote modify origin --region eu-west-1', 'sets the region of its bucket'],
  exits: [3, 10, 11, 15],
  run: async (args, context) => {
    const { modifyRemote } = await import('../../ops/remotes.js')
    const removed = Object.fromEntries((args.unset ?? []).map(option => [camelCase(option), undefined]))
    const options = { ...(args.url !== undefined && { url: args.url }), ...optionsOf(args), ...removed }
    if (Object.keys(options).length === 0 && !args.default) throw new DdvError('usage', 'nothing to change was given')
    const result = await modifyRemote(placeOf(context), args.name, {
      ...{ layer: layerOf(args), asDefault: args.default, options },
    })
    context.result({ name: args.name, ...result }, () => '')
  },
})

const remove = defineCommand({
  usage: 'remove <name>',
  describe: 'forget a remote; what is on it stays',
  positionals: { name },
  options: layerOptions,
  example: ['ddv remote remove old', 'takes it out of the configuration'],
  exits: [3, 10, 11, 15],
  run: async (args, context) => {
    const { removeRemote } = await import('../../ops/remotes.js')
    const result = await removeRemote(placeOf(context), args.name, layerOf(args))
    context.result({ name: args.name, ...result }, () => `removed remote ${args.name}\n`)
  },
})

const list = defineCommand({
  usage: 'list',
  describe: 'print the remotes; * is the default',
  example: ['ddv remote list', 'prints name and URL of each'],
  exits: [3],
  run: async (_args, context) => {
    const { listRemotes } = await import('../../ops/remotes.js')
    const remotes = await listRemotes(placeOf(context))
    context.result(remotes, () =>
      formatTable(remotes.map(({ name, url, default: isDefault }) => [isDefault ? '*' : ' ', name, displayPath(url)])),
    )
  },
})

const camelCase = (text: string): string => text.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())

export const remote = defineGroup('remote', 'where data is pushed to and pulled from', [add, list, modify, remove])
