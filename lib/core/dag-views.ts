// A graph of stages for people and for other programs: a tree for terminals, Mermaid, DOT. Nodes come in an order in which
// each is after all that it needs.

export interface DagNode {
  readonly name: string
  /** Names of the nodes that it needs. */
  readonly needs: readonly string[]
}

const again = ' (see above)'
const goesOn = ' (goes on below)'

/** Levels up to which a tree is indented: each line of a long chain would be wider than the one before. */
const maxLevels = 50

/** From what needs nothing downwards; a node that more than one leads to is drawn out where it comes first. */
export function dagTree(nodes: readonly DagNode[]): string {
  const after = neededBy(nodes)
  const drawn = new Set<string>()
  const lines: string[] = []
  const roots = nodes.filter(({ needs }) => needs.length === 0).map(({ name }) => name)
  const draw = (name: string, { first, rest, level }: Branch): void => {
    const below = after.get(name) ?? []
    const isAgain = drawn.has(name)
    const isDeep = !isAgain && below.length > 0 && level === maxLevels
    lines.push(`${first}${name}${isDeep ? goesOn : isAgain && below.length > 0 ? again : ''}`)
    if (isDeep) roots.push(name)
    if (isAgain || isDeep) return
    drawn.add(name)
    below.forEach((next, i) => {
      const [arm, space] = i === below.length - 1 ? ['└── ', '    '] : ['├── ', '│   ']
      draw(next, { first: rest + arm, rest: rest + space, level: level + 1 })
    })
  }
  // It grows while it is gone through.
  for (const name of roots) if (!drawn.has(name)) draw(name, { first: '', rest: '', level: 0 })
  return lines.map(line => `${line}\n`).join('')
}

interface Branch {
  readonly first: string
  /** Before what is below. */
  readonly rest: string
  readonly level: number
}

function neededBy(nodes: readonly DagNode[]): ReadonlyMap<string, readonly string[]> {
  const after = new Map<string, string[]>()
  for (const { name, needs } of nodes)
    for (const need of needs) {
      const list = after.get(need)
      if (list === undefined) after.set(need, [name])
      else list.push(name)
    }
  return after
}

/** https://mermaid.js.org/syntax/flowchart.html; names are quoted, since they may hold what Mermaid takes for syntax. */
export function dagMermaid(nodes: readonly DagNode[]): string {
  const ids = new Map(nodes.map(({ name }, i) => [name, `s${i + 1}`]))
  const boxes = nodes.map(({ name }) => `  ${ids.get(name)}["${mermaidText(name)}"]\n`)
  const arrows = nodes.flatMap(({ name, needs }) => needs.map(need => `  ${ids.get(need)} --> ${ids.get(name)}\n`))
  return `flowchart TD\n${boxes.join('')}${arrows.join('')}`
}

const mermaidText = (text: string): string => text.replace(/[^\w ./:@+,=-]/gu, c => `#${c.codePointAt(0)};`)

/** https://graphviz.org/doc/info/lang.html */
export function dagDot(nodes: readonly DagNode[]): string {
  const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`
  const boxes = nodes.map(({ name }) => `  ${quoted(name)};\n`)
  const arrows = nodes.flatMap(({ name, needs }) => needs.map(need => `  ${quoted(need)} -> ${quoted(name)};\n`))
  return `digraph ddv {\n${boxes.join('')}${arrows.join('')}}\n`
}
