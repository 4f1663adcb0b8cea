import t from 'tap'
import { DdvError, fromSystemError, isDdvError, systemCode, throwIfAborted } from '../../lib/core/errors.js'

const system = (code: unknown): Error => Object.assign(new Error(`${String(code)}: at the system`), { code })

t.test('carries code, message, hint and cause', async t => {
  const cause = new Error('below')
  const error = new DdvError('busy', 'another ddv is at work', { hint: 'wait', cause })
  t.ok(error instanceof Error)
  t.match(error, { name: 'DdvError', code: 'busy', message: 'another ddv is at work', hint: 'wait' })
  t.equal(error.cause, cause)
  t.match(error.stack, /errors\.js|errors\.ts/)
  const bare = new DdvError('io', 'x')
  t.equal(bare.hint, undefined)
  t.notOk('cause' in bare, 'no cause is none, not undefined')
})

t.test('is told by its code', async t => {
  const error = new DdvError('busy', 'x')
  t.ok(isDdvError(error))
  t.ok(isDdvError(error, 'io', 'busy'))
  t.notOk(isDdvError(error, 'io'))
  for (const other of [new Error('x'), { code: 'busy', name: 'DdvError' }, 'busy', null, undefined])
    t.notOk(isDdvError(other), String(other))
})

t.test('an aborted signal interrupts, nothing else does', async t => {
  throwIfAborted(undefined)
  throwIfAborted(new AbortController().signal)
  t.throws(() => throwIfAborted(AbortSignal.abort()), { code: 'interrupted' })
})

t.test('the code of a system error', async t => {
  t.equal(systemCode(system('ENOENT')), 'ENOENT')
  for (const value of [new Error('x'), system(7), { code: 'ENOENT' }, 'ENOENT', null, undefined])
    t.equal(systemCode(value), undefined)
})

t.test('system errors become ours, with the path last', async t => {
  const cases: readonly (readonly [string, string, boolean?])[] = [
    ['ENOSPC', 'no-space', true],
    ['EDQUOT', 'no-space', true],
    ['EROFS', 'permission'],
    ['EACCES', 'permission'],
    ['EPERM', 'permission'],
    ['EMFILE', 'io', true],
    ['ENFILE', 'io'],
    ['EIO', 'io'],
    ['ENAMETOOLONG', 'bad-path', true],
    ['ENOENT', 'io'],
    ['ENOTDIR', 'io'],
    ['EISDIR', 'io'],
    ['ELOOP', 'io'],
  ]
  for (const [code, expected, hint = false] of cases) {
    const cause = system(code)
    const error = fromSystemError(cause, 'data/x.csv')
    t.ok(isDdvError(error, expected as 'io'), code)
    if (!isDdvError(error)) continue
    t.match(error.message, /^[a-z].*: data\/x\.csv$/, `${code}: lower case, path last`)
    t.equal(error.hint !== undefined, hint, `${code}: hint`)
    t.equal(error.cause, cause)
  }
})

t.test('what it does not know is given back as it is', async t => {
  for (const value of [system('EWHATEVER'), new Error('x'), new DdvError('busy', 'x'), 'text', undefined])
    t.equal(fromSystemError(value, 'p'), value)
})
