// The flags that every command takes.

import type { Flags } from './command.js'

export const globalOptions = {
  cd: { type: 'string', value: 'DIR', describe: 'run as if started in this directory' },
  json: { type: 'boolean', default: false, describe: 'one JSON document on stdout, errors as JSON on stderr' },
  quiet: { type: 'boolean', alias: 'q', default: false, describe: 'say nothing but errors' },
  verbose: { type: 'boolean', alias: 'v', default: false, describe: 'say more' },
  progress: { type: 'boolean', default: true, describe: 'without the live line that a terminal shows' },
  'log-format': {
    choices: ['text', 'json'],
    default: 'text',
    value: 'FORMAT',
    describe: 'text, or json: what is said on stderr as an object a line',
  },
  jobs: { type: 'number', describe: 'how much to do at once; as many as there are cores' },
  color: {
    choices: ['auto', 'always', 'never'],
    default: 'auto',
    value: 'WHEN',
    describe: 'auto, always or never; NO_COLOR is heeded too',
  },
} as const satisfies Flags
