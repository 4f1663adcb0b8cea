import t from 'tap'
import { type Failure, reportFailures } from '../../lib/cli/report.js'
import { plainStyle } from '../../lib/cli/style.js'
import { DdvError } from '../../lib/core/errors.js'
import { fakeIo } from '../support/fake-io.js'

function told(failures: readonly Failure[], { json = false, verbose = false } = {}): string {
  const io = fakeIo({ cwd: '/' })
  reportFailures(io, failures, { json, verbose, style: plainStyle })
  return io.said.stderr
}

const refused = (): DdvError => new DdvError('remote', 'connection refused: localhost:1', { hint: 'check the network' })
const full = (path: string): DdvError =>
  new DdvError('no-space', `no space left on the device: /r/${path}`, {
    cause: Object.assign(new Error(), { code: 'ENOSPC' }),
  })

t.test('one cause is told once, with the count of outputs', async t => {
  // `a` and `c` stand in the message, but not as names.
  const failures = ['a', 'data/b', 'c'].map(path => ({ path, error: refused() }))
  t.equal(
    told(failures),
    'ddv: error: connection refused: localhost:1 (3 outputs; --verbose names them)\nddv: hint: check the network\n',
  )
  t.equal(
    told(failures, { verbose: true }),
    'ddv: error: connection refused: localhost:1 (3 outputs)\nddv: hint: check the network\nddv:   a\nddv:   data/b\nddv:   c\n',
  )
  const { error } = JSON.parse(told(failures, { json: true }))
  t.same(
    error.failures,
    failures.map(({ path }) => ({ path, code: 'remote', message: refused().message, hint: refused().hint })),
  )
})

t.test('stages are no outputs', async t => {
  const failures = ['a', 'b'].map(path => ({ path, error: refused(), what: 'stage' as const }))
  t.match(told(failures), /localhost:1 \(2 stages; --verbose/)
  t.match(JSON.parse(told(failures, { json: true })), { error: { message: '2 stages failed' } })
  const outputs = failures.map(({ path, error }) => ({ path, error }))
  t.match(JSON.parse(told(outputs, { json: true })), { error: { message: '2 outputs failed' } })
})

t.test('a cause that names another file for each is still one', async t => {
  const failures = ['x', 'y'].map(path => ({ path: `data/${path}.csv`, error: full(path) }))
  t.match(told(failures), /^ddv: error: no space left on the device: \/r\/x \(2 outputs; .*\)\n$/)
})

t.test('different causes are each told with their output', async t => {
  const missing = (path: string): Failure => ({ path, error: new DdvError('missing', `no blob anywhere: ${path}`) })
  const failures = [missing('a'), { path: 'b', error: refused() }, missing('d/c'), { path: 'e', error: full('z') }]
  t.equal(
    told(failures),
    [
      'ddv: error: no blob anywhere: a',
      'ddv: error: connection refused: localhost:1: b',
      'ddv: hint: check the network',
      'ddv: error: no blob anywhere: d/c',
      'ddv: error: no space left on the device: /r/z: e\n',
    ].join('\n'),
  )
})
