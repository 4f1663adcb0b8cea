import { relative, sep } from 'node:path'
import { defineCommand } from '../command.js'
import { remoteOption } from '../transfer.js'
import { controlOf, withProject } from '../with-project.js'

export const cat = defineCommand({
  usage: 'cat <file>',
  describe: 'the bytes of a file, of this or another commit, on stdout',
  positionals: {
    file: {
      type: 'string',
      demandOption: true,
      describe: 'PATH, or COMMIT:PATH; relative to where you are, as all targets',
    },
  },
  options: remoteOption,
  example: ['ddv cat HEAD~1:data/raw/movies.csv | head', 'as it was one commit ago, without a checkout'],
  exits: [1, 3, 10, 12, 13, 14],
  run: async (args, context) => {
    const { cat, findBlob } = await import('../../ops/cat.js')
    const { isTracked } = await import('../../ops/list.js')
    await withProject(context, async project => {
      const [, before, after] = /^([^:]+):(.+)$/s.exec(args.file) ?? []
      // A name with a colon in it is a name, where there is one.
      const named = before !== undefined && after !== undefined && !isTracked(project, args.file, context.cwd)
      const [revision, path] = named ? [before, after] : [undefined, args.file]
      const options = { ...controlOf(context), remote: args.remote, revision }
      if (!context.json) return cat(project, path, { ...options, write: bytes => context.io.stdout.writeBytes(bytes) })
      // Bytes are no JSON: the document says where they lie.
      const { blob, ...found } = await findBlob(project, path, options)
      const filepath = relative(project.workspace.root, blob).split(sep).join('/')
      context.result({ ...found, filepath }, () => '')
      return found
    })
  },
})
