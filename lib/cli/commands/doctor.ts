import { displayPath } from '../../core/tree-path.js'
import type { Check } from '../../ops/doctor-check.js'
import { type Context, defineCommand } from '../command.js'
import { formatTable } from '../format.js'
import { readVersion } from '../version.js'
import { controlOf } from '../with-project.js'

export const doctor = defineCommand({
  usage: 'doctor',
  describe: 'look for what keeps ddv from working here, and say what to do',
  example: ['ddv doctor', 'exits 1 where it finds a problem'],
  exits: [1],
  run: async (_args, context) => {
    const { doctor } = await import('../../ops/doctor.js')
    const result = await doctor({ ...controlOf(context), env: context.io.env, version: readVersion() })
    context.result(result, () => checksText(result.checks, context))
    return result.healthy ? 0 : 1
  },
})

const colors = { ok: 'green', warning: 'yellow', problem: 'red' } as const

function checksText(checks: readonly Check[], { style }: Context): string {
  const rows = checks.map(({ state, name, message }) => [style[colors[state]](state), name, displayPath(message)])
  const lines = formatTable(rows).trimEnd().split('\n')
  return checks
    .map(
      ({ hint }, i) =>
        `${lines[i]}\n${hint === undefined ? '' : `         ${style.bold('hint:')} ${displayPath(hint)}\n`}`,
    )
    .join('')
}
