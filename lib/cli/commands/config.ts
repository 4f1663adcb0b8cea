import type { ConfigEntry } from '../../core/config.js'
import { DdvError } from '../../core/errors.js'
import { displayPath } from '../../core/tree-path.js'
import { defineCommand, defineGroup } from '../command.js'
import { layerOf, layerOptions, placeOf } from '../config-place.js'
import { formatTable } from '../format.js'

const key = { type: 'string', demandOption: true, describe: 'such as core.fsync' } as const

const get = defineCommand({
  usage: 'get <key>',
  describe: 'print the value that counts here',
  positionals: { key },
  example: ['ddv config get core.fsync', 'prints batch, unless something sets it'],
  exits: [1, 3],
  run: async (args, context) => {
    const { getConfig } = await import('../../ops/config.js')
    const entry = await getConfig(placeOf(context), args.key)
    if (entry === undefined) throw new DdvError('refused', `not set: ${args.key}`)
    context.result(toJson(entry), () => `${textOf(entry)}\n`)
  },
})

const set = defineCommand({
  usage: 'set <key> <value>',
  describe: 'set a value',
  positionals: { key, value: { type: 'string', demandOption: true, describe: 'lists: separated by commas' } },
  options: layerOptions,
  example: ['ddv config set --local core.jobs 4', 'uses four threads in this clone'],
  exits: [3, 10, 11],
  run: async (args, context) => {
    const { setConfig } = await import('../../ops/config.js')
    const result = await setConfig(placeOf(context), layerOf(args), args.key, args.value)
    context.result(result, () => '')
  },
})

const unset = defineCommand({
  usage: 'unset <key>',
  describe: 'take a value out of a file',
  positionals: { key },
  options: layerOptions,
  example: ['ddv config unset core.jobs', 'uses as many threads as there are cores again'],
  exits: [3, 10, 11],
  run: async (args, context) => {
    const { unsetConfig } = await import('../../ops/config.js')
    const result = await unsetConfig(placeOf(context), layerOf(args), args.key)
    context.result(result, () => '')
  },
})

const list = defineCommand({
  usage: 'list',
  describe: 'print every value that counts here',
  options: { origin: { type: 'boolean', default: false, describe: 'say where each comes from' } },
  example: ['ddv config list --origin', 'shows which file, variable or default each value is from'],
  exits: [3],
  run: async (args, context) => {
    const { listConfig } = await import('../../ops/config.js')
    const entries = await listConfig(placeOf(context))
    context.result(entries.map(toJson), () =>
      formatTable(entries.map(entry => [`${entry.key} = ${textOf(entry)}`, ...(args.origin ? [originOf(entry)] : [])])),
    )
  },
})

const textOf = ({ value }: ConfigEntry): string =>
  displayPath(typeof value === 'object' ? value.join(',') : String(value))

const originOf = ({ layer, source, line }: ConfigEntry): string =>
  source === '' ? layer : `${displayPath(source)}${line === 0 ? '' : `:${line}`}`

const toJson = ({ key, value, layer, source, line }: ConfigEntry) => ({
  key,
  value,
  origin: { layer, ...(source !== '' && { source }), ...(line !== 0 && { line }) },
})

export const config = defineGroup('config', 'read and write settings', [get, set, unset, list])
