import { DdvError } from '../../core/errors.js'
import { defineCommand } from '../command.js'
import { runExits, runOptions, runStages, stagesPositional } from '../run-stages.js'

export const repro = defineCommand({
  usage: 'repro [targets..]',
  describe: 'run the stages that are stale, and record what they made',
  positionals: stagesPositional(
    'stages (train, train@a, sub/ddv.yaml:train) or outputs, with all that they wait for; all unless told',
  ),
  options: {
    ...runOptions,
    single: { type: 'boolean', alias: 's', default: false, describe: 'the targets alone' },
    downstream: { type: 'boolean', default: false, describe: 'the targets and what waits for them' },
    'keep-going': {
      type: 'boolean',
      alias: 'k',
      default: false,
      describe: 'after a failure, go on with what does not need what failed',
    },
  },
  example: ['ddv repro train', 'what train waits for, and train, as far as they are stale'],
  exits: runExits,
  run: async (args, context) => {
    const { targets, single, downstream, 'keep-going': keepGoing } = args
    if (single && downstream) throw new DdvError('usage', '--single and --downstream are not for one another')
    return runStages(context, {
      ...{ targets, args, verb: 'repro' },
      flags: { single, downstream, 'keep-going': keepGoing },
      options: { reach: single ? 'single' : downstream ? 'downstream' : 'upstream', keepGoing },
    })
  },
})
