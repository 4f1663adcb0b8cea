// What `ddv diff` says: for people, and as Markdown for reviews.

import { displayPath } from '../core/tree-path.js'
import type { DiffResult, DiffSide, OutputDiff, OutputVersion } from '../ops/diff.js'
import type { FileDiff, FileVersion } from '../ops/diff-files.js'
import type { Context } from './command.js'
import { formatBytes, formatCount, formatNumber, shortId } from './format.js'
import { escapeMarkdown, markdownTable } from './markdown.js'

const colors = { added: 'green', modified: 'yellow', renamed: 'yellow', removed: 'red' } as const
/** Of one output's files, unless --verbose. */
const maxFiles = 20

export function diffText(result: DiffResult, context: Context): string {
  const { outputs, sparse } = result
  const left = sparse.length === 0 ? '' : `${formatCount(sparse.length, 'output')} left out by the sparse checkout\n`
  if (outputs.length === 0) return `no difference between ${sidesText(result, ' and ')}\n${left}`
  const { style } = context
  return `${style.bold(sidesText(result, ' -> '))}\n${outputs.map(output => outputText(output, context)).join('')}${summaryText(outputs)}\n${left}`
}

export const sidesText = ({ from, to }: Pick<DiffResult, 'from' | 'to'>, between: string): string =>
  sideText(from) + between + (to === undefined ? 'the workspace' : sideText(to))

export function sideText({ revision, commit }: DiffSide): string {
  const short = commit.slice(0, shortId)
  return commit.startsWith(revision) ? short : `${displayPath(revision)} (${short})`
}

function outputText(output: OutputDiff, { style, verbose }: Context): string {
  const { path, change, previous, files, filesUnknown, absent } = output
  const name = previous === undefined ? displayPath(path) : `${displayPath(previous)} -> ${displayPath(path)}`
  const lines = [`${style[colors[change]](change.padEnd(8))}  ${name} (${sizesText(output)})`]
  const shown = verbose ? files : files.slice(0, maxFiles)
  for (const file of shown)
    lines.push(`    ${style[colors[file.change]](file.change.padEnd(8))}  ${fileName(file)}${fileSizes(file)}`)
  if (files.length > shown.length) lines.push(`    and ${formatCount(files.length - shown.length, 'file')} more`)
  if (filesUnknown !== undefined) lines.push(`    files unknown: ${displayPath(filesUnknown)}`)
  if (absent === true) lines.push(`    its pointer is here, its data is not: 'ddv pull' brings it`)
  return lines.map(line => `${line}\n`).join('')
}

function fileName({ path, previous, previousOutput }: FileDiff): string {
  if (previous === undefined) return displayPath(path)
  const from = previousOutput === undefined ? previous : `${previousOutput}/${previous}`
  return `${displayPath(from)} -> ${displayPath(path)}`
}

function fileSizes({ before, after, change }: FileDiff): string {
  const sizes = change === 'renamed' ? sizeOf(after) : twoSizes(before, after)
  const mode = before === undefined || after === undefined || before.executable === after.executable
  const text = [sizes, mode ? '' : after.executable ? 'executable now' : 'no longer executable'].filter(
    part => part !== '',
  )
  return text.length === 0 ? '' : ` (${text.join(', ')})`
}

const sizeOf = (version: FileVersion | OutputVersion | undefined): string =>
  version === undefined ? '' : formatBytes(version.size)

/** One of them where the other is missing or says the same. */
function twoSizes(
  before: FileVersion | OutputVersion | undefined,
  after: FileVersion | OutputVersion | undefined,
): string {
  const [old, now] = [sizeOf(before), sizeOf(after)]
  return old === now || old === '' || now === '' ? now || old : `${old} -> ${now}`
}

function sizesText({ before, after, change }: OutputDiff): string {
  const kinds = before !== undefined && after !== undefined && before.kind !== after.kind
  const parts = [change === 'renamed' ? sizeOf(after) : twoSizes(before, after), countsText(before, after)]
  if (kinds) parts.push(`${before.kind} -> ${after.kind}`)
  else if (before !== undefined && after !== undefined && before.executable !== after.executable)
    parts.push(after.executable === true ? 'executable now' : 'no longer executable')
  return parts.filter(part => part !== '').join(', ')
}

function countsText(before: OutputVersion | undefined, after: OutputVersion | undefined): string {
  const [old, now] = [before?.files, after?.files]
  if (old === undefined || now === undefined || old === now) {
    const one = now ?? old
    return one === undefined ? '' : formatCount(one, 'file')
  }
  return `${formatNumber(old)} -> ${formatCount(now, 'file')}`
}

function summaryText(outputs: readonly OutputDiff[]): string {
  const counts = (['added', 'modified', 'renamed', 'removed'] as const).flatMap(change => {
    const count = outputs.filter(output => output.change === change).length
    return count === 0 ? [] : [`${formatNumber(count)} ${change}`]
  })
  const bytes = outputs.reduce((sum, { before, after }) => sum + (after?.size ?? 0) - (before?.size ?? 0), 0)
  return `${formatCount(outputs.length, 'output')}: ${counts.join(', ')}, ${signedBytes(bytes)}`
}

export const signedBytes = (bytes: number): string => (bytes < 0 ? '' : '+') + formatBytes(bytes)

/** A table for a pull request: outputs, and below each its files. */
export function diffMarkdown(result: DiffResult): string {
  const { outputs } = result
  const title = escapeMarkdown(sidesText(result, ' → '))
  if (outputs.length === 0) return `No difference in data: ${title}\n`
  const rows = outputs.flatMap(output => [
    outputRow(output),
    ...output.files.slice(0, maxMarkdownFiles).map(file => fileRow(output, file)),
    ...unknownRows(output),
  ])
  const table = markdownTable(['change', 'data', 'before', 'after'], rows, [2, 3])
  return `Data: ${title}\n\n${table}\n${escapeMarkdown(summaryText(outputs))}\n`
}

/** Of one output: a comment in a review has a limit of its own. */
const maxMarkdownFiles = 100

function outputRow({ path, previous, change, before, after }: OutputDiff): string[] {
  const name = previous === undefined ? displayPath(path) : `${displayPath(previous)} → ${displayPath(path)}`
  return [change, name, versionText(before), versionText(after)]
}

const versionText = (version: OutputVersion | undefined): string =>
  version === undefined
    ? ''
    : sizeOf(version) + (version.files === undefined ? '' : `, ${formatCount(version.files, 'file')}`)

const fileRow = ({ path: output }: OutputDiff, file: FileDiff): string[] => [
  file.change,
  file.previous === undefined
    ? `${displayPath(output)}/${displayPath(file.path)}`
    : `${displayPath(file.previousOutput ?? output)}/${displayPath(file.previous)} → ${displayPath(output)}/${displayPath(file.path)}`,
  sizeOf(file.before),
  sizeOf(file.after),
]

function unknownRows({ path, files, filesUnknown }: OutputDiff): string[][] {
  if (filesUnknown !== undefined)
    return [['', `${displayPath(path)}/: files unknown: ${displayPath(filesUnknown)}`, '', '']]
  const more = files.length - maxMarkdownFiles
  return more > 0 ? [['', `${displayPath(path)}/: ${formatCount(more, 'file')} more`, '', '']] : []
}
