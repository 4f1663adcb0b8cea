import { type DagNode, dagDot, dagMermaid, dagTree } from '../../core/dag-views.js'
import { DdvError } from '../../core/errors.js'
import { displayPath } from '../../core/tree-path.js'
import { defineCommand } from '../command.js'
import { stagesPositional } from '../run-stages.js'
import { controlOf, withProject } from '../with-project.js'

export const dag = defineCommand({
  usage: 'dag [targets..]',
  describe: 'which stage waits for which: as a tree, Mermaid or DOT',
  positionals: stagesPositional('stages or outputs, with all that they wait for; all unless told'),
  options: {
    outs: { type: 'boolean', default: false, describe: 'what stages make, and the tracked data that they begin with' },
    mermaid: { type: 'boolean', default: false, describe: 'as a Mermaid flowchart, for Markdown' },
    dot: { type: 'boolean', default: false, describe: 'as DOT, for Graphviz' },
  },
  example: ['ddv dag --mermaid train', 'a picture of what train waits for, for a README'],
  exits: [3, 10],
  run: async (args, context) => {
    const { targets, outs, mermaid, dot } = args
    if (mermaid && dot) throw new DdvError('usage', '--mermaid and --dot are not for one another')
    const { outNodes, stageNodes } = await import('../../ops/dag.js')
    const draw = mermaid ? dagMermaid : dot ? dagDot : dagTree
    await withProject(context, async project => {
      if (outs) {
        const nodes = outNodes(project, targets, controlOf(context))
        context.result({ nodes }, () => draw(nodes.map(({ path, upstream }) => shown(path, upstream))))
      } else {
        const nodes = stageNodes(project, targets, controlOf(context))
        context.result({ nodes }, () => draw(nodes.map(({ stage, upstream }) => shown(stage, upstream))))
      }
    })
  },
})

const shown = (name: string, needs: readonly string[]): DagNode => ({
  name: displayPath(name),
  needs: needs.map(displayPath),
})
