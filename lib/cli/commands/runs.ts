import { describeFailure } from '../../core/failure.js'
import { describeReason } from '../../core/stale-reason.js'
import { displayPath } from '../../core/tree-path.js'
import type { ListedRun, RunOutcome, ShownRun, ShownStage } from '../../ops/runs.js'
import { type Context, defineCommand, defineGroup } from '../command.js'
import { formatBytes, formatDuration, formatTable } from '../format.js'
import { cutText } from '../text-width.js'
import { withProject } from '../with-project.js'

const list = defineCommand({
  usage: 'list',
  describe: 'what ddv repro and ddv run did here, newest first',
  example: ['ddv runs list', 'when, what came of it, how long it took, what was asked for'],
  exits: [3, 10, 13],
  run: async (_args, context) => {
    const { listedRuns } = await import('../../ops/runs.js')
    return withProject(context, async project => {
      const { runs, failures } = listedRuns(project)
      context.result({ runs }, () => listText(runs, context))
      return context.fail(failures)
    })
  },
})

const show = defineCommand({
  usage: 'show [id]',
  describe: 'one run: its stages, why they ran, and what came of them',
  positionals: {
    id: {
      type: 'string',
      default: 'latest',
      describe: 'as ddv runs list has it, or its last six letters; the latest unless told',
    },
  },
  options: {
    log: { type: 'string', value: 'STAGE', describe: 'what this stage printed, and nothing else' },
  },
  example: ['ddv runs show latest --log train', 'what train printed when it ran last'],
  exits: [3, 10, 12, 13],
  run: async ({ id, log }, context) => {
    const { readRunLog, showRun } = await import('../../ops/runs.js')
    await withProject(context, async project => {
      if (log === undefined) {
        const run = showRun(project, id)
        context.result(run, () => runText(run, context))
        return
      }
      const { bytes, ...told } = readRunLog(project, id, log)
      // Bytes are no JSON: the document says where they lie.
      if (context.json) context.result(told, () => '')
      else await context.io.stdout.writeBytes(bytes)
    })
  },
})

const colors = { done: 'green', failed: 'red', interrupted: 'yellow', running: 'bold', killed: 'yellow' } as const

const timeText = (time: Date): string => `${time.toISOString().slice(0, 19).replace('T', ' ')}Z`

const commandText = (command: readonly string[]): string => displayPath(['ddv', ...command].join(' '))

function listText(runs: readonly ListedRun[], { io, style }: Context): string {
  if (runs.length === 0) return 'no runs yet\n'
  const rows = runs.map(({ id, outcome, started, duration, command, ...counts }) => [
    id.slice(-6),
    timeText(started),
    outcome,
    duration === undefined ? '' : formatDuration(duration / 1000),
    countsText(counts),
    commandText(command),
  ])
  const lines = formatTable(rows, [3]).split('\n')
  return lines
    .map((line, i) => {
      const outcome = runs[i]?.outcome
      const cut = cutText(line, io.stdout.columns)
      return outcome === undefined ? cut : cut.replace(outcome, style[colors[outcome]](outcome))
    })
    .join('\n')
}

function countsText({ done, cached, failed }: Pick<ListedRun, 'done' | 'cached' | 'failed'>): string {
  const parts = [
    ...(done > 0 ? [`${done} ran`] : []),
    ...(cached > 0 ? [`${cached} brought back`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ]
  return parts.join(', ')
}

function runText(run: ShownRun, { style }: Context): string {
  const { id, outcome, command, version, host, executor, started, duration, stages } = run
  const took = duration === undefined ? '' : `, ${formatDuration(duration / 1000)}`
  const head = [
    `${style.bold(id)}  ${style[colors[outcome]](outcome)}`,
    `${timeText(started)}${took}, ddv ${displayPath(version)}, ${displayPath(executor)} on ${displayPath(host)}`,
    commandText(command),
  ]
  const table = formatTable(
    stages.map(stage => stageRow(stage, outcome)),
    [2, 3],
  ).split('\n')
  const lines = stages.flatMap((stage, i) => [table[i] ?? '', ...whyLines(stage)])
  return [...head, ...(lines.length === 0 ? [] : ['', ...lines])].map(line => `${line}\n`).join('')
}

function stageRow({ stage, outcome, cached, duration, peakMemory, failure }: ShownStage, run: RunOutcome): string[] {
  return [
    displayPath(stage),
    cached === true ? 'brought back' : (outcome ?? (run === 'running' ? 'running' : 'cut short')),
    duration === undefined ? '' : formatDuration(duration / 1000),
    peakMemory === undefined ? '' : formatBytes(peakMemory),
    failure === undefined ? '' : displayPath(describeFailure(failure)),
  ]
}

function whyLines({ reasons = [], because, tries = 0, log, failure }: ShownStage): string[] {
  return [
    ...reasons.map(reason => `    ${describeReason(reason)}`),
    ...(because === undefined ? [] : [`    since ${displayPath(because)} failed`]),
    ...(tries > 1 ? [`    tried ${tries} times`] : []),
    ...(failure !== undefined && log !== undefined ? [`    log: ${displayPath(log)}`] : []),
  ]
}

export const runs = defineGroup('runs', 'records of what stages did', [list, show])
