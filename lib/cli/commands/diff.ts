import { DdvError } from '../../core/errors.js'
import type { DiffRowsResult } from '../../ops/diff-rows.js'
import { defineCommand } from '../command.js'
import { diffMarkdown, diffText } from '../diff-text.js'
import { rowsMarkdown, rowsText } from '../rows-text.js'
import { remoteOption, sidesPositionals } from '../transfer.js'
import { controlOf, withProject } from '../with-project.js'

export const diff = defineCommand({
  usage: 'diff [A] [B]',
  describe: 'what differs between two commits, or one and the workspace',
  positionals: sidesPositionals,
  options: {
    target: {
      type: 'string',
      alias: 't',
      array: true,
      value: 'PATH',
      describe: 'this output alone, or a part of it; may be given again',
    },
    rows: {
      type: 'boolean',
      default: false,
      describe: 'also rows and columns of CSV, TSV, JSON-lines and Parquet files',
    },
    key: {
      type: 'string',
      array: true,
      value: 'COLUMN',
      describe: 'with --rows: the column that names a row; found unless told; several together may',
    },
    markdown: { type: 'boolean', default: false, describe: 'as a table in Markdown' },
    'exit-code': { type: 'boolean', default: false, describe: 'exit 1 where anything differs' },
    ...remoteOption,
  },
  example: ['ddv diff main HEAD --target data/raw', 'what a branch changes below data/raw'],
  exits: [1, 3, 10, 13, 14],
  run: async (args, context) => {
    const { A: from, B: to, remote, rows, key } = args
    if (key !== undefined && !rows) throw new DdvError('usage', '--key goes with --rows')
    const options = { ...controlOf(context), remote, from, to, key }
    const targets = args.target ?? []
    const { diff } = await import('../../ops/diff.js')
    const { diffRows } = await import('../../ops/diff-rows.js')
    const result = await withProject<DiffRowsResult>(context, async project =>
      rows ? diffRows(project, targets, options) : { ...(await diff(project, targets, options)), tables: [] },
    )
    const { failures, tables, ...told } = result
    context.result({ ...told, ...(rows && { tables }) }, () =>
      args.markdown
        ? diffMarkdown(result) + rowsMarkdown(result)
        : diffText(result, context) + rowsText(result, context),
    )
    const code = context.fail(failures)
    return code === 0 && args['exit-code'] && !result.same ? 1 : code
  },
})
