import t from 'tap'
import { createContext } from '../../lib/cli/command.js'
import { createProgress } from '../../lib/cli/progress.js'
import { stageLines } from '../../lib/cli/stage-lines.js'
import { plainStyle as style } from '../../lib/cli/style.js'
import { fakeIo } from '../support/fake-io.js'

t.test('the live line gives way to lines of stages, and does not come back by itself', async t => {
  let time = 0
  const io = fakeIo({ cwd: '/', terminal: true })
  const progress = createProgress(io, () => time)
  const context = createContext({
    ...{ io, progress, style, cd: undefined, signal: new AbortController().signal },
    ...{ json: false, quiet: false, verbose: false, jobs: undefined, report: { json: false, style } },
  })
  const onEvent = stageLines(context)
  for (const stage of ['a', 'b']) {
    time += 1000
    onEvent({ type: 'done', phase: 'hash', files: 1, bytes: 1000 })
    onEvent({ type: 'done', phase: 'hash', files: 1, bytes: 1000 })
    onEvent({ type: 'stage', stage, state: 'running' })
    time += 1000
    onEvent({ type: 'done', phase: 'hash', files: 1, bytes: 1000 })
    onEvent({ type: 'output', stage, stream: 'stdout', line: Buffer.from('hello') })
  }
  const { stderr } = io.said
  const shown = stderr.split('\n').map(line => line.slice(line.lastIndexOf('\r\u001b[K') + 1).replace('\u001b[K', ''))
  t.same(shown, ['a: runs', 'a | hello', 'b: runs', 'b | hello', ''])
  t.equal(stderr.match(/hashing/g)?.length, 4, 'it was there before each')
})
