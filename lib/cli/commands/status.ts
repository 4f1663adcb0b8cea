import { displayPath } from '../../core/tree-path.js'
import type { OutputStatus, StatusResult } from '../../ops/status.js'
import { type Context, defineCommand } from '../command.js'
import { formatBytes, formatCount, shortId } from '../format.js'
import { tellOfHooks } from '../hooks-notice.js'
import { nothingYet, revisionOption, targetsPositional } from '../transfer.js'
import { controlOf, withProject } from '../with-project.js'

export const status = defineCommand({
  usage: 'status [targets..]',
  describe: 'what differs between pointers, workspace and cache',
  positionals: targetsPositional,
  options: {
    ...revisionOption,
    'exit-code': { type: 'boolean', default: false, describe: 'exit 1 where anything differs' },
  },
  example: ['ddv status data', 'looks at the outputs below data/'],
  exits: [1, 3, 10, 13],
  run: async (args, context) => {
    const { status } = await import('../../ops/status.js')
    const options = { ...controlOf(context), revision: args.rev }
    const { production, ...result } = await withProject(context, async project => {
      const result = await status(project, args.targets, options)
      await tellOfHooks(context, project)
      return { ...result, production: project.config.environment === 'production' }
    })
    const { failures, ...told } = result
    const view = { style: context.style, verbose: context.verbose, production }
    context.result(told, () => (args.rev === undefined ? statusText : revisionText)(result, view))
    const code = context.fail(failures)
    return code === 0 && args['exit-code'] && !result.clean ? 1 : code
  },
})

interface View extends Pick<Context, 'style' | 'verbose'> {
  /** There nothing is made, and what is in its place needs no cache. */
  readonly production: boolean
}

function statusText({ outputs, failures, clean }: StatusResult, view: View): string {
  if (outputs.length === 0 && failures.length === 0) return view.production ? 'nothing is under ddv\n' : nothingYet
  const locks = outputs.some(({ stage }) => stage !== undefined) ? ' and locks' : ''
  if (clean) return `${formatCount(outputs.length, 'output')}, all as their pointers${locks} say\n`
  return outputs.map(output => outputText(output, view)).join('') + adviceText(outputs, view)
}

function revisionText({ commit = '', outputs, failures, clean }: StatusResult, view: View): string {
  const name = commit.slice(0, shortId)
  if (outputs.length === 0 && failures.length === 0) return `nothing is under ddv in ${name}\n`
  if (clean) return `${formatCount(outputs.length, 'output')}, all as in ${name}\n`
  return `${outputs.map(output => outputText(output, view)).join('')}('ddv pull --rev ${name}' makes the data that of ${name})\n`
}

/** What to do next: in a fresh clone, or after an edit. */
function adviceText(outputs: readonly OutputStatus[], { production }: View): string {
  const advice = []
  const isOfStage = ({ workspace, stage, inGit }: OutputStatus): boolean =>
    stage !== undefined && (workspace === 'modified' || (inGit === true && workspace !== 'unchanged'))
  if (outputs.some(one => one.workspace === 'modified' && one.behind !== true && (production || !isOfStage(one))))
    advice.push(
      production
        ? `'ddv checkout --force' makes what was modified what the pointers say`
        : `'ddv add' keeps what was modified`,
    )
  if (!production && outputs.some(isOfStage)) advice.push(`'ddv repro' makes anew what changed since its stage ran`)
  if (outputs.some(({ behind }) => behind === true)) advice.push(`'ddv pull' brings what a pointer changed to`)
  const isUnmade = ({ pushed, cache }: OutputStatus): boolean => pushed === false && cache !== 'complete'
  if (outputs.some(isUnmade)) advice.push(`'ddv repro' makes what is not pushed`)
  if (outputs.some(output => isCacheMissed(output, production) && !isUnmade(output)))
    advice.push(`'ddv pull' fetches what is not in the cache`)
  else if (outputs.some(one => one.workspace === 'missing' && one.inGit !== true && !isUnmade(one)))
    advice.push(`'ddv checkout' brings back what is missing`)
  return advice.length === 0 ? '' : `(${advice.join('; ')})\n`
}

const isCacheMissed = ({ workspace, cache }: OutputStatus, production: boolean): boolean =>
  cache !== 'complete' && !(production && workspace === 'unchanged')

const colors = { added: 'green', modified: 'yellow', removed: 'red' } as const
/** Of one output's files, unless --verbose. */
const maxFiles = 20

function noteOf({ workspace, behind, stage }: OutputStatus): string {
  const named = stage === undefined ? 'pointer' : 'lock'
  if (behind === true) return ` (its ${named} has changed since this data came here)`
  return stage !== undefined && workspace === 'modified' ? ` (changed since its stage '${displayPath(stage)}' ran)` : ''
}

function outputText(output: OutputStatus, { style, verbose, production }: View): string {
  const { path, workspace, cache, missing, changes } = output
  const lines: string[] = []
  const note = noteOf(output)
  if (workspace !== 'unchanged')
    lines.push(
      `${(workspace === 'missing' ? style.red : style.yellow)(workspace.padEnd(12))}  ${displayPath(path)}${note}`,
    )
  const shown = verbose ? changes : changes.slice(0, maxFiles)
  for (const { path: file, change } of shown)
    lines.push(`    ${style[colors[change]](change.padEnd(8))}  ${displayPath(file)}`)
  if (changes.length > shown.length) lines.push(`    and ${formatCount(changes.length - shown.length, 'file')} more`)
  if (!isCacheMissed(output, production)) return lines.map(line => `${line}\n`).join('')
  if (cache === 'incomplete')
    lines.push(
      `${style.red('not in cache')}  ${displayPath(path)} (${formatCount(missing.blobs, 'blob')}, ${formatBytes(missing.bytes)})`,
    )
  if (cache === 'unknown') lines.push(`${style.red('not in cache')}  ${displayPath(path)}`)
  return lines.map(line => `${line}\n`).join('')
}
