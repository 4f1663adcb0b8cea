import t from 'tap'
import { type Known, readTyped } from '../../lib/cli/arguments.js'
import { defineCommand, defineGroup } from '../../lib/cli/command.js'
import { ddv } from '../support/fake-io.js'

const run = async (): Promise<void> => undefined
const example = ['', ''] as const
const add = defineCommand({
  ...{ usage: 'add <targets..>', describe: '', example, run },
  options: { force: { type: 'boolean' }, meta: { type: 'string', array: true }, name: { type: 'string', alias: 'n' } },
})
const list = defineCommand({ usage: 'list', describe: '', example, run, options: { 'no-limit': { type: 'boolean' } } })
const known: Known = {
  commands: [add, defineGroup('remote', '', [list])],
  flags: { cd: { type: 'string' }, quiet: { type: 'boolean', alias: 'q' }, jobs: { type: 'number' } },
}

t.test('what is right', async t => {
  const cases: readonly (readonly [string, string, readonly string[], Readonly<Record<string, string | boolean>>])[] = [
    ['add a b', 'add', ['a', 'b'], {}],
    ['add --force a', 'add', ['a'], { force: true }],
    ['add --force true', 'add', ['true'], { force: true }],
    ['add a --force=false', 'add', ['a'], { force: false }],
    ['add a --no-force', 'add', ['a'], { force: false }],
    ['--force add a', 'add', ['a'], { force: true }],
    ['--name add add add', 'add', ['add'], { name: 'add' }],
    ['--cd remote remote --quiet list', 'remote list', [], { cd: 'remote', quiet: true }],
    ['add -qnx a', 'add', ['a'], { quiet: true, name: 'x' }],
    ['add -qn x a', 'add', ['a'], { quiet: true, name: 'x' }],
    ['add -n=x a', 'add', ['a'], { name: 'x' }],
    ['add --name=--force a', 'add', ['a'], { name: '--force' }],
    ['add --name=a=b a', 'add', ['a'], { name: 'a=b' }],
    ['add --jobs -1 a', 'add', ['a'], { jobs: '-1' }],
    ['add -q -q a --no-quiet', 'add', ['a'], { quiet: false }],
    ['add - -- --force -x --', 'add', ['-', '--force', '-x', '--'], {}],
    ['remote list --no-limit', 'remote list', [], { 'no-limit': true }],
    ['help add', 'add', [], {}],
    ['add --help', 'add', [], {}],
  ]
  for (const [line, command, words, flags] of cases) {
    const typed = readTyped(line.split(' '), known)
    const read = Object.fromEntries(typed.flags.map(({ name, value }) => [name, value]))
    t.same(
      { command: typed.path.map(({ name }) => name).join(' '), words: typed.words, read },
      { command, words, read: flags },
      line,
    )
    t.equal(typed.wantsHelp, /help/.test(line), line)
    if (!typed.wantsHelp) t.equal(typed.problem, undefined, line)
  }
  const { flags, problem } = readTyped(['add', '--meta', 'a', '--meta=b', 'x'], known)
  t.same([flags.map(({ value }) => value), problem], [['a', 'b'], undefined])
})

t.test('what is wrong: the first of it, and what was meant', async t => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['add --forse data/x.csv', 'unknown flag: --forse', `did you mean '--force'?`],
    ['--forse add data/x.csv', 'unknown flag: --forse', `did you mean '--force'?`],
    ['add --forse=1 --zzzzz x', 'unknown flag: --forse', `did you mean '--force'?`],
    ['add -force x', 'unknown flag: -force', `did you mean '--force'?`],
    ['add -x', 'unknown flag: -x', `'ddv add --help' shows what it takes`],
    ['add -1', 'unknown flag: -1', `a name that begins with '-' goes behind '--': ddv add -- -1`],
    ['add -a.csv', 'unknown flag: -a.csv', `a name that begins with '-' goes behind '--': ddv add -- -a.csv`],
    ['add --no-forse x', 'unknown flag: --no-forse', `did you mean '--no-force'?`],
    ['add --no-x x', 'unknown flag: --no-x', `'ddv add --help' shows what it takes`],
    ['add --no-name x', 'unknown flag: --no-name', `did you mean '--name'?`],
    ['add --force=maybe x', '--force takes no value: maybe', `'ddv add --help' shows what it takes`],
    ['add --no-force=true x', '--no-force takes no value: true', `'ddv add --help' shows what it takes`],
    ['add --name --force x', '--name needs a value', `'ddv add --help' shows what it takes`],
    ['add x --name', '--name needs a value', `'ddv add --help' shows what it takes`],
    ['add x --name=', '--name needs a value', `'ddv add --help' shows what it takes`],
    ['ad x --force', 'unknown command: ddv ad', `did you mean 'ddv add'?`],
    ['remote lst --nope', 'unknown command: ddv remote lst', `did you mean 'ddv remote list'?`],
    ['zzzzzz --help', 'unknown command: ddv zzzzzz', `'ddv --help' lists them`],
    ['help zzzzzz', 'unknown command: ddv zzzzzz', `'ddv --help' lists them`],
  ]
  for (const [line, message, hint] of cases) {
    const { problem, wantsHelp } = readTyped(line.split(' '), known)
    t.match(problem, { code: 'usage', message, hint }, line)
    t.notOk(wantsHelp, line)
  }
  t.match(readTyped(['add', '--name', 'a', '-n', 'b'], known).problem, { message: '--name was given more than once' })
})

t.test('an empty name is not everything', async t => {
  const cwd = t.testdir()
  await ddv({ cwd }, 'init', '--no-git')
  for (const argv of [
    ['add', ''],
    ['remove', ''],
    ['status', ''],
    ['move', '', 'x'],
    ['push', ''],
  ])
    t.match(await ddv({ cwd }, ...argv), { code: 2, stderr: /an empty name was given/ }, argv.join(' '))
})
