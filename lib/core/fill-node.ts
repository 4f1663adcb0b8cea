// A part of `ddv.yaml` with its templates filled in; every place stays.

import { type BadAt, fromJson, type LocatedEntry, type LocatedNode, nodeWord } from './located.js'
import { fillScript, type Hole } from './shell-quote.js'
import { fillText, fillValue, lookUp, mayHaveTemplates, parseTemplates, type Scope } from './template.js'

export interface FillOptions {
  readonly scope: Scope
  readonly bad: BadAt
}

/**
 * Texts that are one template take its value as it is; in others values stand as texts. Keys are texts. A node without
 * templates is given back as it is.
 */
export function fillNode(node: LocatedNode, options: FillOptions): LocatedNode {
  const { scope, bad } = options
  if (node.kind === 'list') {
    const items = node.items.map(item => fillNode(item, options))
    return items.every((item, i) => item === node.items[i]) ? node : { ...node, items }
  }
  if (node.kind === 'map') {
    const entries = node.entries.map(entry => fillEntry(entry, options))
    return entries.every((entry, i) => entry === node.entries[i]) ? node : { ...node, entries }
  }
  if (typeof node.value !== 'string' || !mayHaveTemplates(node.value)) return node
  return fromJson(
    fillValue(node.value, scope, (problem, hint) => bad(problem, node, hint)),
    node,
  )
}

function fillEntry(entry: LocatedEntry, options: FillOptions): LocatedEntry {
  const { key } = entry
  const value = fillNode(entry.value, options)
  if (!mayHaveTemplates(key)) return value === entry.value ? entry : { ...entry, value }
  return { ...entry, key: fillText(key, options.scope, (problem, hint) => options.bad(problem, entry, hint)), value }
}

/** A script: values are quoted for the shell. */
export function fillCommand(
  node: LocatedNode,
  { scope, bad, shell }: FillOptions & { readonly shell: string | undefined },
): string {
  if (node.kind !== 'scalar' || node.value === null) throw bad(`command is ${nodeWord(node)}, not a text`, node)
  const here = (problem: string, hint?: string): Error => bad(problem, node, hint)
  const parts = parseTemplates(String(node.value), here).map((part): string | Hole =>
    typeof part === 'string' ? part : lazyHole(part, { scope, bad: here }),
  )
  return fillScript(parts, shell)
}

// Looked up when it is filled in: a template in a comment of the script need not be known.
const lazyHole = (
  template: Parameters<typeof lookUp>[0],
  { scope, bad }: { scope: Scope; bad: Hole['bad'] },
): Hole => ({
  get value() {
    return lookUp(template, scope, bad)
  },
  bad,
  text: template.text,
})
