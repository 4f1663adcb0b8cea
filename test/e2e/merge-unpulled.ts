// Two people, hooks installed, one directory: git merges what neither has pulled yet, and nothing of either is taken back.

import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeHooked, memory, shell } from '../support/hooked.js'

const directory = mkdtempSync(join(memory, 'ddv-merge-unpulled-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))

async function run(script: string): Promise<string> {
  const { code, output } = await shell(directory, `set -e\n${script}`)
  if (code !== 0) throw new Error(`exit ${code}: ${output}`)
  return output
}

t.before(async () => {
  await makeHooked(directory)
  await run(`
    git clone -q ../origin.git ../c && cd ../c && ddv hooks install -q && ddv pull -q
    cd ../w && echo A2 > dir/a && ddv commit -q -m a --push
    cd ../c && echo B2 > dir/b && ddv commit -q -m b`)
})

t.test('git pull merges different files of a directory, though the data of one side is not here yet', async t => {
  const output = await run(`cd ../c && git pull --no-rebase --no-edit && git log -1 --format=%p`)
  t.match(output, /^\w+ \w+$/m, 'a merge was made')
  const state = await shell(directory, 'cd ../c && ddv status')
  t.match(state.output, /modified +dir \(its pointer has changed since this data came here\)/)
})

t.test('until it is pulled, nothing takes the merge back', async t => {
  const { code, output } = await shell(directory, 'cd ../c && ddv commit -m more')
  t.equal(code, 15, output)
  t.match(output, /its pointer has changed since this data came here/)
})

t.test('pulled, both changes are here; pushed, in every clone', async t => {
  t.match(
    await run('cd ../c && ddv pull -q && cat dir/a dir/b && ddv status'),
    /A2\nB2\n2 outputs, all as their pointers/,
  )
  const clone = await run(
    'cd ../c && git push -q && cd .. && git clone -q origin.git d && cd d && ddv pull -q && cat dir/*',
  )
  t.match(clone, /A2\nB2\n$/)
})

t.test('a merge that waits for its commit is no place for ddv commit', async t => {
  const { code, output } = await shell(
    directory,
    'git fetch -q && git merge -q --no-ff --no-commit origin/other; echo new > x; ddv commit -m x',
  )
  t.equal(code, 1, output)
  t.match(output, /in the middle of a merge/)
  t.match(output, /hint: .*'ddv pull'.*'git commit'/)
})
