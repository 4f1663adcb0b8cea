import { DdvError } from '../../core/errors.js'
import { displayPath } from '../../core/tree-path.js'
import type { LoggedChange, LoggedCommit, LogResult } from '../../ops/log.js'
import { type Context, defineCommand } from '../command.js'
import { signedBytes } from '../diff-text.js'
import { formatBytes, formatCount, shortId } from '../format.js'
import { revisionOption } from '../transfer.js'
import { controlOf, withProject } from '../with-project.js'

export const log = defineCommand({
  usage: 'log [target]',
  describe: 'the commits that changed the data, newest first',
  positionals: {
    target: { type: 'string', describe: 'an output, a part of one, or what lies below; all unless told' },
  },
  options: {
    'max-count': { type: 'number', alias: 'n', describe: 'at most so many commits' },
    rev: { ...revisionOption.rev, describe: 'begin at this commit, and not at HEAD' },
  },
  example: ['ddv log data/raw/movies.csv', 'its versions, with size and digest; renames are followed'],
  exits: [1, 3, 10],
  run: async (args, context) => {
    const { log } = await import('../../ops/log.js')
    const limit = args['max-count']
    if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0))
      throw new DdvError('usage', '-n is not a whole number above 0')
    const options = { ...controlOf(context), revision: args.rev, limit }
    const result = await withProject(context, project => log(project, args.target, options))
    context.result(result, () => logText(result, context))
  },
})

function logText({ commits, ends }: LogResult, context: Context): string {
  const shallow = ends.map(
    id => `history ends at ${id.slice(0, shortId)}: this clone is shallow, 'git fetch --unshallow' brings the rest\n`,
  )
  if (commits.length === 0 && ends.length === 0) return 'no commit changed data\n'
  return commits.map(commit => commitText(commit, context)).join('') + shallow.join('')
}

function commitText({ commit, date, author, subject, changes }: LoggedCommit, context: Context): string {
  const { style, io } = context
  const head = `${commit.slice(0, shortId)} ${date.slice(0, 10)} ${displayPath(author)}`
  // On one line of a terminal.
  const room = Math.max(20, io.stdout.columns - head.length - 2)
  const title = displayPath(subject)
  const shown = title.length > room ? `${title.slice(0, room - 3)}...` : title
  return `${style.bold(head)}  ${shown}\n${changes.map(change => changeText(change, context)).join('')}`
}

const colors = { added: 'green', modified: 'yellow', renamed: 'yellow', removed: 'red' } as const

function changeText(
  { path, change, previous, hash, size, files, sizeChange, unreadable }: LoggedChange,
  { style }: Context,
): string {
  const name = previous === undefined ? displayPath(path) : `${displayPath(previous)} -> ${displayPath(path)}`
  const parts = [
    change === 'removed'
      ? signedBytes(sizeChange)
      : sizeChange === size
        ? formatBytes(size)
        : `${formatBytes(size)}, ${signedBytes(sizeChange)}`,
    ...(files === undefined ? [] : [formatCount(files, 'file')]),
    ...(unreadable === true ? ['a pointer that cannot be read'] : []),
  ]
  return `    ${style[colors[change]](change.padEnd(8))}  ${hash.slice(0, shortId)}  ${name} (${parts.join(', ')})\n`
}
