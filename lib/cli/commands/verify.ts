import { DdvError } from '../../core/errors.js'
import { displayPath } from '../../core/tree-path.js'
import type { VerifyResult } from '../../ops/verify.js'
import type { VerifyRemoteResult } from '../../ops/verify-remote.js'
import { defineCommand } from '../command.js'
import { formatBytes, formatCount } from '../format.js'
import { targetsPositional } from '../transfer.js'
import { controlOf, withProject } from '../with-project.js'

export const verify = defineCommand({
  usage: 'verify [targets..]',
  describe: 'hold the cache against its digests, a remote against commits',
  positionals: targetsPositional,
  options: {
    cache: { type: 'boolean', default: false, describe: 'every blob in the cache, whoever names it' },
    remote: { type: 'boolean', default: false, describe: 'whether the remote has what the pointers name' },
    rev: {
      type: 'string',
      array: true,
      value: 'REV',
      describe: 'whether it has what this commit, or each of a range A..B, names; may be given again',
    },
    deep: { type: 'boolean', default: false, describe: 'with --remote or --rev: read all of it' },
    repair: { type: 'boolean', default: false, describe: 'set corrupt blobs aside, fetch what is missing' },
    'remote-name': { type: 'string', alias: 'r', value: 'NAME', describe: 'its name; the default one unless told' },
  },
  example: ['ddv verify --rev origin/main..HEAD', 'on a build server: every commit has its data, and git has none'],
  exits: [1, 3, 10, 12, 13, 14],
  run: async (args, context) => {
    const { cache, remote: onRemote, rev: revisions = [], deep, repair, 'remote-name': remote, targets } = args
    const away = onRemote || revisions.length > 0
    if (away && (cache || repair))
      throw new DdvError(
        'usage',
        `--${cache ? 'cache' : 'repair'} is for the cache, --remote and --rev are for the remote`,
      )
    if (deep && !away) throw new DdvError('usage', '--deep goes with --remote or --rev')
    const control = { ...controlOf(context), remote }
    if (away) {
      const { verifyRemote } = await import('../../ops/verify-remote.js')
      const options = { ...control, revisions, deep }
      const result = await withProject(context, project => verifyRemote(project, targets, options))
      const { failures, ...done } = result
      context.result(done, () => remoteText(result))
      return context.fail(failures)
    }
    const { verify } = await import('../../ops/verify.js')
    const result = await withProject(context, project => verify(project, targets, { ...control, cache, repair }))
    const { failures, ...done } = result
    const problems = failures.map(({ path, error: { code, message } }) => ({ path, code, message }))
    context.result({ ...done, problems }, () => localText(result))
    return context.fail(failures)
  },
})

function localText({ outputs, blobs, bytes, repaired, failures }: VerifyResult): string {
  const lines = repaired.map(path => `repaired  ${displayPath(path)}\n`)
  const what = `${formatCount(outputs, 'output')}, ${formatCount(blobs, 'blob')}, ${formatBytes(bytes)}`
  return failures.length > 0 ? lines.join('') : `${lines.join('')}verified  ${what}\n`
}

function remoteText({ remote, commits, outputs, failures }: VerifyRemoteResult): string {
  if (failures.length > 0) return ''
  const where = remote === undefined ? '' : ` on ${displayPath(remote)}`
  const of = commits.length === 0 ? '' : ` of ${formatCount(commits.length, 'commit')}`
  return `verified  ${formatCount(outputs.length, 'version')}${of}${where}\n`
}
