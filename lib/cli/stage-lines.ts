// What stages say while they run: lines on stderr, each with its stage's name, so that several at once can be told apart.

import type { Event } from '../core/events.js'
import { displayPath } from '../core/tree-path.js'
import type { Context } from './command.js'
import { formatDuration } from './format.js'

/** Takes events of stages, and hands on the others. With --quiet what stages print is in their logs alone. */
export function stageLines({ io, quiet, json, onEvent }: Context): (event: Event) => void {
  const started = new Map<string, number>()
  const say = (stage: string, text: string): void => io.stderr.write(`${displayPath(stage)}: ${text}\n`)
  return event => {
    onEvent(event)
    if (quiet) return
    if (event.type === 'output') {
      // As it came: colours, too, are the program's own.
      io.stderr.write(`${displayPath(event.stage)} | ${Buffer.from(event.line).toString()}\n`)
      return
    }
    if (event.type !== 'stage' || json) return
    const { stage, state, because } = event
    if (state === 'running') {
      started.set(stage, performance.now())
      say(stage, 'runs')
    } else if (state === 'done') say(stage, doneText(started.get(stage)))
    else if (state === 'failed') say(stage, 'failed')
    else if (state === 'skipped' && because !== undefined) say(stage, `not run, since ${displayPath(because)} failed`)
  }
}

const doneText = (start: number | undefined): string =>
  start === undefined
    ? 'brought back from an earlier run'
    : `done in ${formatDuration((performance.now() - start) / 1000)}`
