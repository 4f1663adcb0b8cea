import { defineCommand } from '../command.js'

export const schema = defineCommand({
  usage: 'schema',
  describe: 'print the JSON schema of ddv.yaml, for editors',
  example: ['ddv schema > ddv.schema.json', 'for a first line # yaml-language-server: $schema=ddv.schema.json'],
  run: async (_args, context) => {
    const { pipelineJsonSchema } = await import('../../core/pipeline-schema.js')
    context.print(`${JSON.stringify(pipelineJsonSchema(), null, 2)}\n`)
  },
})
