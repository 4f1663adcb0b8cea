import { displayPath } from '../../core/tree-path.js'
import type { ListedEntry } from '../../ops/list.js'
import { defineCommand } from '../command.js'
import { formatBytes, formatCount, formatTable } from '../format.js'
import { remoteOption } from '../transfer.js'
import { controlOf, withProject } from '../with-project.js'

export const list = defineCommand({
  usage: 'list [rev] [path]',
  describe: 'the outputs of a commit or of the workspace, and their files',
  positionals: {
    rev: { type: 'string', describe: 'a commit; the pointers in the workspace unless told' },
    path: { type: 'string', describe: 'an output, a directory in one, or one above; alone, ./path is never a commit' },
  },
  options: {
    // `-r` is short for the remote in other commands, where nothing can be recursive.
    recursive: { type: 'boolean', alias: 'r', default: false, describe: 'every file of every directory' },
    remote: { ...remoteOption.remote, alias: [], describe: 'where listings that are not in the cache come from' },
  },
  example: ['ddv list HEAD~1 data/images', 'what was in the directory one commit ago'],
  exits: [1, 3, 10, 12, 13, 14],
  run: async (args, context) => {
    const { list, revisionOrPath } = await import('../../ops/list.js')
    const { recursive, remote } = args
    const { commit, entries, failures } = await withProject(context, async project => {
      const alone = args.rev !== undefined && args.path === undefined
      const isPath = alone && (await revisionOrPath(project, args.rev as string, context.cwd)) === 'path'
      const [revision, path] = isPath ? [undefined, args.rev] : [args.rev, args.path]
      return list(project, path, { ...controlOf(context), revision, recursive, remote })
    })
    context.result({ commit, entries }, () => formatTable(entries.map(entryRow), [0]))
    return context.fail(failures)
  },
})

function entryRow({ path, kind, size, files }: ListedEntry): string[] {
  const count = files === undefined ? '' : ` (${formatCount(files, 'file')})`
  return [formatBytes(size), `${displayPath(path)}${kind === 'directory' ? '/' : ''}${count}`]
}
