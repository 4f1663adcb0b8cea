// Data that a stage reads and that was changed under its pointer: the stage reads what is there, and the commit would name
// what was there before. Said, and left to whoever changed it.

import type { Control } from '../core/events.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import type { Graph } from '../pipeline/graph.js'
import { isSameContent } from '../pipeline/staleness.js'
import { coveringOutput, findPointer } from '../workspace/pointers.js'
import type { View } from './stage-state.js'
import { artifactOf } from './store-outs.js'

export async function warnOfChangedData(
  { project, artifacts }: View,
  { stages }: Graph,
  { onEvent }: Control,
): Promise<void> {
  const { root } = project.workspace
  const deps = new Set(stages.flatMap(stage => stage.deps.map(({ path }) => path)))
  const outputs = new Set<TreePath>()
  for (const path of deps) {
    const output = coveringOutput(root, path)
    if (output !== undefined) outputs.add(output)
  }
  for (const output of outputs) {
    const pointer = findPointer(root, output)
    const here = await artifacts.read(output)
    if (pointer === undefined || here === undefined || isSameContent(here, artifactOf(pointer))) continue
    onEvent?.({
      type: 'warning',
      message: `is not as its pointer says, and stages read it as it is: ${displayPath(output)}`,
      hint: `'ddv add ${displayPath(output)}' keeps it, 'ddv checkout ${displayPath(output)}' takes it back`,
    })
  }
}
