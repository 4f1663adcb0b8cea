import { displayPath } from '../../core/tree-path.js'
import { defineCommand } from '../command.js'
import { formatBytes, formatCount, shortId } from '../format.js'
import { keepHeapSmall, remoteOption } from '../transfer.js'
import { controlOf } from '../with-project.js'

export const get = defineCommand({
  usage: 'get <repository> <path>',
  describe: 'data of another git repository, without a clone of it',
  positionals: {
    repository: { type: 'string', demandOption: true, describe: 'its path or URL' },
    path: {
      type: 'string',
      demandOption: true,
      describe: 'the data in it: an output, or a part of one; or a model: NAME@v1.2.0, NAME@latest, NAME#STAGE',
    },
  },
  options: {
    rev: { type: 'string', value: 'REV', describe: 'a branch, tag or commit of it; its HEAD unless told' },
    out: { type: 'string', alias: 'o', value: 'OUT', describe: 'where to write, or the directory for it' },
    ...remoteOption,
  },
  example: ['ddv get https://example.org/films data/raw/movies.csv --rev v1.2', 'the file as it was in that release'],
  exits: [1, 3, 12, 13, 14],
  run: async (args, context) => {
    keepHeapSmall()
    const { get } = await import('../../ops/get.js')
    const { rev: revision, out, remote } = args
    const options = { ...controlOf(context), env: context.io.env, revision, out, remote }
    const result = await get(args.repository, args.path, options)
    context.result(result, () => {
      const { commit, model, size, files, kind } = result
      const count = kind === 'directory' ? `, ${formatCount(files, 'file')}` : ''
      const source = model === undefined ? (commit ?? '').slice(0, shortId) : `${model.name}@${model.version}`
      return `got  ${displayPath(result.out)} (${formatBytes(size)}${count}) of ${source}\n`
    })
  },
})
