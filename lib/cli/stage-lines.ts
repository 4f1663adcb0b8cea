// What stages say while they run: lines on stderr, each with its stage's name, so that several at once can be told apart.

import type { Event } from '../core/events.js'
import { displayPath } from '../core/tree-path.js'
import type { Context } from './command.js'
import { formatDuration } from './format.js'
import { writeLog } from './log-record.js'

/** Takes events of stages, and hands on the others. With --quiet what stages print is in their logs alone. */
export function stageLines({ io, quiet, json, logFormat, onEvent }: Context): (event: Event) => void {
  const started = new Map<string, number>()
  return event => {
    onEvent(event)
    if (quiet) return
    if (event.type === 'output') {
      const { stage, stream } = event
      const text = Buffer.from(event.line).toString()
      if (logFormat === 'json') writeLog(io, 'info', { stage, stream, message: text })
      // As it came: colours, too, are the program's own.
      else io.stderr.write(`${displayPath(stage)} | ${text}\n`)
      return
    }
    if (event.type !== 'stage' || (json && logFormat === 'text')) return
    const { stage, state, because } = event
    if (state === 'running') started.set(stage, performance.now())
    const text = stateText(event, started.get(stage))
    if (text === undefined) return
    if (logFormat === 'text') io.stderr.write(`${displayPath(stage)}: ${text}\n`)
    else writeLog(io, state === 'failed' ? 'error' : 'info', { stage, state, because, message: text })
  }
}

/** undefined: nothing to tell. */
function stateText(
  { state, because }: Extract<Event, { type: 'stage' }>,
  start: number | undefined,
): string | undefined {
  if (state === 'running') return 'runs'
  if (state === 'failed') return 'failed'
  if (state === 'skipped' && because !== undefined) return `not run, since ${displayPath(because)} failed`
  if (state !== 'done') return undefined
  if (start === undefined) return 'brought back from an earlier run'
  return `done in ${formatDuration((performance.now() - start) / 1000)}`
}
