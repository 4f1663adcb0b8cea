import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { StageLog } from '../../lib/pipeline/stage-log.js'

function logOf(t: Test, room: number | undefined, act: (log: StageLog) => void): string {
  const log = new StageLog(join(t.testdir(), 'x.log'), room)
  act(log)
  log.close()
  return readFileSync(log.file, 'utf8')
}

t.test('lines of two streams, and of ddv', async t => {
  const text = logOf(t, undefined, log => {
    log.write('stdout', Buffer.from('a\nb'))
    log.write('stdout', Buffer.from('c'))
    log.write('stderr', Buffer.from('d'))
    log.note('second try')
    log.write('stderr', Buffer.from('e\n'))
    log.write('stdout', Buffer.from(''))
    log.write('stdout', Buffer.from('f'))
  })
  t.equal(text, 'a\nbc\nd\nddv: second try\ne\nf')
})

t.test('has an end', async t => {
  const text = logOf(t, 5, log => {
    log.write('stdout', Buffer.from('abc\n'))
    log.write('stdout', Buffer.from('defg\n'))
    log.write('stderr', Buffer.from('hij\n'))
    log.note('second try')
  })
  t.equal(text, 'abc\nd\nddv: the log ends here: it has no room for more\n')
})

t.test('takes no file that is there', async t => {
  const directory = t.testdir({ 'x.log': 'before' })
  t.throws(() => new StageLog(join(directory, 'x.log')), { code: 'EEXIST' })
})
