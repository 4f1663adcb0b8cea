import { defineCommand } from '../command.js'
import { runExits, runOptions, runStages } from '../run-stages.js'

export const run = defineCommand({
  usage: 'run <name>',
  describe: 'run one stage, if it is stale',
  positionals: {
    name: {
      type: 'string',
      demandOption: true,
      describe: 'a stage (train, train@a, sub/ddv.yaml:train), or train for all of train@…',
    },
  },
  options: { ...runOptions, force: { ...runOptions.force, describe: 'run it, stale or not' } },
  example: ['ddv run train --force', 'train again, and nothing of what comes before or after it'],
  exits: runExits,
  run: (args, context) =>
    runStages(context, { targets: [args.name], args, verb: 'run', flags: {}, options: { reach: 'single' } }),
})
