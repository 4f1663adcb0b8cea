import { displayPath } from '../../core/tree-path.js'
import type { ListedStage } from '../../ops/stage-list.js'
import { type Context, defineCommand, defineGroup, type Flag } from '../command.js'
import { formatTable } from '../format.js'
import { stagesPositional } from '../run-stages.js'
import { cutText } from '../text-width.js'
import { controlOf, withProject } from '../with-project.js'

const list = defineCommand({
  usage: 'list [targets..]',
  describe: 'the stages, with what they write',
  positionals: stagesPositional('stages, files such as sub/ddv.yaml, or outputs; all unless told'),
  options: { names: { type: 'boolean', default: false, describe: 'one name a line, for scripts' } },
  example: ['ddv stage list --names', 'what can be given to ddv repro'],
  exits: [3, 10],
  run: async (args, context) => {
    const { listStages } = await import('../../ops/stage-list.js')
    await withProject(context, async project => {
      const stages = listStages(project, args.targets, controlOf(context))
      context.result({ stages }, () => (args.names ? namesText(stages) : stagesText(stages, context)))
    })
  },
})

const namesText = (stages: readonly ListedStage[]): string =>
  stages.map(({ stage }) => `${displayPath(stage)}\n`).join('')

function stagesText(stages: readonly ListedStage[], { io }: Context): string {
  if (stages.length === 0) return 'no stages yet\n'
  const rows = stages.map(({ stage, outs, description, frozen, only }) => [
    displayPath(stage),
    outs.length === 0 ? '(writes nothing)' : cutText(outs.map(displayPath).join(', '), maxOuts),
    [frozen === true ? '(frozen)' : '', only === undefined ? '' : `(${only} only)`, displayPath(description ?? '')]
      .filter(part => part !== '')
      .join(' '),
  ])
  return formatTable(rows)
    .split('\n')
    .map(line => cutText(line, io.stdout.columns))
    .join('\n')
}

/** Columns for what a stage writes, beside which there is room for what it is. */
const maxOuts = 32

const paths = (alias: string | undefined, describe: string) =>
  ({
    type: 'string',
    array: true,
    value: 'PATH',
    describe,
    ...(alias !== undefined && { alias }),
  }) as const satisfies Flag

const add = defineCommand({
  usage: 'add <name> [command..]',
  describe: 'write a stage into the ddv.yaml of this directory',
  positionals: {
    name: { type: 'string', demandOption: true, describe: 'letters, digits, _, . and -' },
    command: {
      type: 'string',
      array: true,
      default: [],
      describe: 'behind --: words, each quoted for the shell, or one text that is a script as it is',
    },
  },
  options: {
    deps: paths('d', 'a file or directory that it reads; may be given again, as those below'),
    outs: paths('o', 'a file or directory that it makes'),
    'outs-no-cache': paths('O', 'the same, kept by git and not in the cache'),
    metrics: paths('m', 'a file of numbers that it makes'),
    'metrics-no-cache': paths('M', 'the same, kept by git and not in the cache'),
    plots: paths(undefined, 'a file for plots that it makes'),
    params: {
      type: 'string',
      array: true,
      alias: 'p',
      value: 'KEYS',
      describe: 'keys of params.yaml that it depends on: lr,epochs; FILE:lr of another file, FILE: of all in it',
    },
    wdir: { type: 'string', alias: 'w', value: 'DIR', describe: 'where it runs; all its paths begin there' },
    desc: { type: 'string', value: 'TEXT', describe: 'what it does, for people' },
    force: { type: 'boolean', alias: 'f', default: false, describe: 'in the place of a stage of this name' },
  },
  example: ['ddv stage add train -d train.py -d data -o model -- python train.py', 'ddv repro runs it from now on'],
  exits: [1, 3, 10, 11, 15],
  run: async (args, context) => {
    const { addStage } = await import('../../ops/stage-add.js')
    const { command, deps, outs, metrics, plots, params, wdir, force } = args
    const options = {
      ...controlOf(context),
      ...{ command, deps, outs, metrics, plots, params, wdir, force, description: args.desc },
      ...{ outsInGit: args['outs-no-cache'], metricsInGit: args['metrics-no-cache'] },
    }
    const result = await withProject(context, project => addStage(project, args.name, options))
    context.result(result, () => `wrote stage ${displayPath(result.stage)} into ${displayPath(result.file)}\n`)
  },
})

export const stage = defineGroup('stage', 'list the stages of pipelines, and write new ones', [list, add])
