import { join } from 'node:path'
import t from 'tap'
import { commands, groupStarts } from '../../lib/cli/commands.js'
import textWidth from '../../lib/cli/text-width.js'
import { ddv } from '../support/fake-io.js'

const help = async (columns: number, ...command: readonly string[]): Promise<string> =>
  (await ddv({ cwd: '/', columns }, ...command, '--help')).stdout

t.test('of all: groups, one line a command, then what is true everywhere', async t => {
  const text = await help(80)
  const titles = text.split('\n').filter(line => /^[A-Z]/.test(line))
  t.same(titles, [...groupStarts.map(([title]) => title), 'Everywhere'])
  for (const { name, describe } of commands) t.match(text, new RegExp(`\\n  ${name} +${describe}\\n`))
})

t.test('no line is wider than the terminal, or than 80 columns', async t => {
  const paths = commands.flatMap(({ name, children }) => [[name], ...children.map(child => [name, child.name])])
  for (const columns of [20, 40, 60, 80, 200]) {
    const texts = await Promise.all([[], ...paths].map(path => help(columns, ...path)))
    const wide = texts
      .join('')
      .split('\n')
      .filter(line => textWidth(line) > Math.min(80, columns))
    // A word is never cut: on the narrowest terminals it stands out.
    t.same(columns < 60 ? wide.filter(line => / \S+ /.test(line.trim())) : wide, [], `${columns} columns`)
  }
})

t.test('of one command, in full', async t => {
  t.snapshotFile = join(import.meta.dirname, '../../../fixtures/snapshots/help.cjs')
  t.matchSnapshot(await help(80, 'add'), 'add')
  t.matchSnapshot(await help(80, 'remote', 'add'), 'remote add')
  t.matchSnapshot(await help(80, 'remote'), 'remote')
  t.matchSnapshot(await help(40, 'push'), 'push, on a narrow terminal')
})
