import { defineCommand } from '../command.js'

export const schema = defineCommand({
  usage: 'schema',
  describe: 'print the JSON schema of ddv.yaml, for editors',
  example: ['ddv schema > ddv.schema.json', 'then name it in the settings of your editor'],
  run: async (_args, context) => {
    const { pipelineJsonSchema } = await import('../../core/pipeline-schema.js')
    context.print(`${JSON.stringify(pipelineJsonSchema(), null, 2)}\n`)
  },
})
