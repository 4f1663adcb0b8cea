import { displayPath } from '../../core/tree-path.js'
import { defineCommand } from '../command.js'
import { formatBytes } from '../format.js'
import { inWorkspace } from '../step-paths.js'
import { keepHeapSmall } from '../transfer.js'
import { controlOf, withProject } from '../with-project.js'

export const register = defineCommand({
  usage: 'register <model>',
  describe: 'give a model a name and a version, and promote it',
  positionals: {
    model: { type: 'string', demandOption: true, describe: 'an output: a file or a directory' },
  },
  options: {
    name: {
      type: 'string',
      demandOption: true,
      value: 'NAME',
      describe: 'of the model: lower-case letters, digits and -',
    },
    version: {
      type: 'string',
      value: 'VERSION',
      describe: 'major, minor, patch, or a version such as v1.2.0; the next patch unless told',
    },
    stage: { type: 'string', value: 'STAGE', describe: 'promote it to this, such as production' },
    metrics: { type: 'string', value: 'FILE', describe: 'a file of numbers that tell how good it is' },
    remote: { type: 'string', alias: 'r', value: 'NAME', describe: 'registry.remote, or the default one, unless told' },
  },
  example: ['ddv register models/film.json --name film-rating --version minor', 'the next minor version of it'],
  exits: [1, 3, 10, 11, 12, 13, 14],
  run: async (args, context) => {
    keepHeapSmall()
    const { register } = await import('../../ops/register.js')
    const { name, version, stage, remote } = args
    const result = await withProject(context, project => {
      const path = inWorkspace(project, context)
      const request = {
        ...{ model: path(args.model), name },
        ...(version !== undefined && { version }),
        ...(stage !== undefined && { stage }),
        ...(args.metrics !== undefined && { metrics: path(args.metrics) }),
      }
      return register(project, request, { ...controlOf(context), remote })
    })
    context.result(result, () => {
      const { model, registered, promoted, path, size, tags } = result
      const version = `${model}@${result.version}`
      const lines = [
        registered
          ? `registered  ${version} (${displayPath(path)}, ${formatBytes(size)}) on ${displayPath(result.remote)}\n`
          : `unchanged   ${version}\n`,
        ...(result.stage === undefined
          ? []
          : [`${promoted ? 'promoted    ' : 'unchanged   '}${model}#${result.stage} is ${result.version}\n`]),
      ]
      const quoted = tags.map(tag => (tag.includes('#') ? `'${tag}'` : tag)).join(' ')
      const share = (registered || promoted) && tags.length > 0 ? `share its tags:  git push origin ${quoted}\n` : ''
      return `${lines.join('')}${share}`
    })
  },
})
