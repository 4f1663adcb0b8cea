import { displayPath } from '../../core/tree-path.js'
import type { DuResult } from '../../ops/du.js'
import { defineCommand } from '../command.js'
import { formatBytes, formatCount, formatTable } from '../format.js'
import { nothingYet, targetsPositional } from '../transfer.js'
import { controlOf, withProject } from '../with-project.js'

export const du = defineCommand({
  usage: 'du [targets..]',
  describe: 'how much room data takes, in the workspace and in the cache',
  positionals: targetsPositional,
  example: ['ddv du data', 'shows the sizes of the outputs below data/'],
  exits: [1, 3, 10, 13],
  run: async (args, context) => {
    const { du } = await import('../../ops/du.js')
    const { failures, ...usage } = await withProject(context, project => du(project, args.targets, controlOf(context)))
    context.result(usage, () => usageText({ ...usage, failures }))
    return context.fail(failures)
  },
})

function usageText({ outputs, failures, total, cache }: DuResult): string {
  if (outputs.length === 0 && failures.length === 0) return nothingYet
  const rows = outputs.map(({ path, workspace, cache }) => [
    formatBytes(workspace),
    cache === undefined ? 'unknown' : formatBytes(cache),
    displayPath(path),
  ])
  const sum = [formatBytes(total.workspace), formatBytes(total.cache), `in ${formatCount(outputs.length, 'output')}`]
  const table = formatTable([['workspace', 'cache', ''], ...rows, sum], [0, 1])
  return cache === undefined ? table : `${table}${cacheText(cache)}`
}

function cacheText({ blobs, bytes, elsewhere, other }: NonNullable<DuResult['cache']>): string {
  const parts = [`the cache takes ${formatBytes(bytes)} in ${formatCount(blobs, 'blob')}`]
  if (elsewhere > 0) parts.push(`${formatBytes(elsewhere)} of it for other versions`)
  if (other > 0) parts.push(`and ${formatBytes(other)} are set aside or unfinished`)
  return `${parts.join(', ')}\n`
}
