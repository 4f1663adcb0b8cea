// One live line on stderr, on a terminal only: what is going on, bytes, rate, time left, files.

import type { Event, Phase } from '../core/events.js'
import { formatBytes, formatCount, formatDuration, formatNumber } from './format.js'
import type { Io } from './io.js'

export interface Progress {
  onEvent(event: Event): void
  /** Takes the line away, so that something else can be written; the next event draws it again. */
  clear(): void
}

export const noProgress: Progress = { onEvent: () => undefined, clear: () => undefined }

const verbs: Readonly<Record<Phase, string>> = {
  scan: 'scanning',
  hash: 'hashing',
  check: 'checking',
  upload: 'uploading',
  download: 'downloading',
  write: 'writing',
}

/** Milliseconds. */
const interval = 100
/** Nothing is drawn for what is over at once. */
const delay = 300
/** The rate is that of the last seconds, so that it follows a link that slows down. */
const rateWindow = 5000

interface Counts {
  files: number
  bytes: number
  totalFiles: number
  totalBytes: number
  /** Samples of (time, bytes done), oldest first. */
  readonly samples: [number, number][]
}

export function createProgress(io: Io, now: () => number = () => performance.now()): Progress {
  const phases = new Map<Phase, Counts>()
  const start = now()
  let drawn = start + delay - interval
  let visible = false
  let last: NodeJS.Timeout | undefined
  const clear = (): void => {
    clearTimeout(last)
    if (visible) io.stderr.write('\r\u001b[K')
    visible = false
  }
  const draw = (parts: readonly string[]): void => {
    drawn = now()
    visible = true
    io.stderr.write(`\r${fit(parts, io.stderr.columns - 1)}\u001b[K`)
  }
  return {
    clear,
    onEvent(event) {
      // Otherwise a remote that does not answer looks like a ddv that does nothing.
      if (event.type === 'retry') draw([`no success: ${event.what}`, `try ${event.attempt + 1} follows`])
      if (event.type !== 'total' && event.type !== 'done') return
      const counts = phases.get(event.phase) ?? { files: 0, bytes: 0, totalFiles: 0, totalBytes: 0, samples: [] }
      // A phase that goes on is the one to show: last in the map.
      phases.delete(event.phase)
      phases.set(event.phase, counts)
      count(counts, event, now())
      clearTimeout(last)
      const show = (): void => draw(progressParts(event.phase, counts, now() - start))
      const wait = drawn + interval - now()
      // The last event before a pause is shown too: what it says may stand for a while.
      if (wait > 0) last = setTimeout(show, wait).unref()
      else show()
    },
  }
}

function count(counts: Counts, event: Event & { type: 'total' | 'done' }, time: number): void {
  if (event.type === 'total') {
    counts.totalFiles += event.files
    counts.totalBytes += event.bytes
    return
  }
  counts.files += event.files
  counts.bytes += event.bytes
  const last = counts.samples.at(-1)
  if (last === undefined || time - last[0] >= interval) counts.samples.push([time, counts.bytes])
  while (counts.samples.length > 2 && time - (counts.samples[0]?.[0] ?? time) > rateWindow) counts.samples.shift()
}

function progressParts(phase: Phase, counts: Counts, elapsed: number): readonly string[] {
  const { files, bytes, totalFiles, totalBytes } = counts
  const of = totalBytes > 0 ? ` of ${formatBytes(Math.max(bytes, totalBytes))}` : ''
  const parts = [`${verbs[phase]} ${formatBytes(bytes)}${of}`]
  const rate = rateOf(counts, elapsed)
  // What follows, such as waiting for the disk, is not counted in bytes.
  if (totalBytes > 0 && bytes >= totalBytes && files >= totalFiles) parts.push('finishing')
  else if (rate > 0) {
    parts.push(`${formatBytes(rate)}/s`)
    if (totalBytes > bytes) parts.push(`${formatDuration((totalBytes - bytes) / rate)} left`)
  }
  if (totalFiles > 1 || files > 1)
    parts.push(
      (totalFiles > files ? `${formatNumber(files)} of ` : '') + formatCount(Math.max(files, totalFiles), 'file'),
    )
  return parts
}

/** As many parts as there is room for: a line that wraps could not be taken away again. */
function fit(parts: readonly string[], width: number): string {
  let line = parts[0] ?? ''
  for (const part of parts.slice(1)) if (line.length + 2 + part.length <= width) line += `, ${part}`
  return line.slice(0, Math.max(0, width))
}

/** Bytes a second. */
function rateOf({ samples, bytes }: Counts, elapsed: number): number {
  const [first, last] = [samples[0], samples.at(-1)]
  if (first === undefined || last === undefined || last[0] - first[0] < interval)
    return elapsed > 0 ? (bytes * 1000) / elapsed : 0
  return ((last[1] - first[1]) * 1000) / (last[0] - first[0])
}
