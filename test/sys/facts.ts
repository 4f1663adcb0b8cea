import { chmodSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openFacts } from '../../lib/sys/facts.js'

t.test('what was set is there at once, and for others after a flush', async t => {
  const file = join(t.testdir(), 'made/facts')
  const [facts, other] = [openFacts(file), openFacts(file)]
  for (const [key, value] of [
    ['a', 'one'],
    ['é\n"', ''],
    ['__proto__', 'plain'],
  ] as const)
    facts.set(key, value)
  t.equal(facts.get('a'), 'one')
  t.equal(openFacts(file).get('a'), undefined)
  facts.flush()
  t.equal(other.get('a'), 'one')
  t.equal(other.get('é\n"'), '')
  t.equal(other.get('__proto__'), 'plain')
  t.equal(other.get('constructor'), undefined)
  facts.set('a', undefined)
  t.equal(facts.get('a'), undefined)
  facts.flush()
  t.equal(openFacts(file).get('a'), undefined)
})

t.test('a flush keeps what others wrote meanwhile', async t => {
  const file = join(t.testdir(), 'facts')
  const [one, two] = [openFacts(file), openFacts(file)]
  t.equal(one.get('b'), undefined)
  two.set('b', 'two')
  two.flush()
  one.set('a', 'one')
  one.flush()
  t.equal(openFacts(file).get('a'), 'one')
  t.equal(openFacts(file).get('b'), 'two')
  t.equal(one.get('b'), 'two')
})

t.test('nothing to write leaves no file; a damaged one holds nothing and is made anew', async t => {
  const file = join(t.testdir(), 'facts')
  openFacts(file).flush()
  t.throws(() => readFileSync(file), { code: 'ENOENT' })
  const write = (): void => {
    const facts = openFacts(file)
    facts.set('a', 'one')
    facts.flush()
  }
  write()
  const whole = readFileSync(file, 'utf8')
  const damages = [
    () => truncateSync(file, 0),
    () => truncateSync(file, whole.length - 1),
    () => writeFileSync(file, Buffer.alloc(whole.length)),
    () => writeFileSync(file, whole.replace('one', 'two')),
  ]
  for (const damage of damages) {
    damage()
    t.equal(openFacts(file).get('a'), undefined)
    write()
    t.equal(openFacts(file).get('a'), 'one')
  }
})

t.test(
  'where it cannot be written, nothing is remembered',
  { skip: process.getuid?.() === 0 && 'for root nothing is read-only' },
  async t => {
    const directory = t.testdir()
    chmodSync(directory, 0o500)
    const facts = openFacts(join(directory, 'facts'))
    facts.set('a', 'one')
    facts.flush()
    t.equal(openFacts(join(directory, 'facts')).get('a'), undefined)
  },
)
