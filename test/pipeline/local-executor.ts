import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { CommandAction, Stage } from '../../lib/core/stage.js'
import type { TreePath } from '../../lib/core/tree-path.js'
import type { TryOptions, TryResult } from '../../lib/pipeline/executor.js'
import { localExecutor } from '../../lib/pipeline/local-executor.js'
import { StageLog } from '../../lib/pipeline/stage-log.js'
import { stageOf } from '../support/stages.js'

interface Ran extends TryResult {
  readonly lines: readonly string[]
  readonly log: string
  readonly root: string
}

const env = { PATH: process.env.PATH, SHELL: '/bin/sh' }

async function run(
  t: Test,
  commands: readonly string[],
  { shell, stage = {}, own = {}, prepare, ...options }: Given = {},
): Promise<Ran> {
  const root = t.testdir()
  prepare?.(root)
  const log = new StageLog(join(root, 'stage.log'))
  const lines: string[] = []
  const action: CommandAction = { kind: 'command', commands, shell }
  const made = stageOf('train', { env: { OWN: 'yes', INHERITED: undefined } }, { ...stage, action })
  const result = await localExecutor({ root, env: { ...env, ...own }, grace: 300 }).run(made, {
    log,
    onLine: (stream, line) => lines.push(`${stream}: ${line.toString('latin1')}`),
    ...options,
  })
  log.close()
  return { ...result, lines, log: readFileSync(log.file, 'latin1'), root }
}

interface Given extends Partial<TryOptions> {
  readonly shell?: string
  readonly stage?: Partial<Omit<Stage, 'name' | 'file' | 'deps' | 'params' | 'outs' | 'env'>>
  readonly own?: Readonly<Record<string, string | undefined>>
  readonly prepare?: (root: string) => void
}

t.test('a script stops at the first command that fails; so does a list of scripts', async t => {
  for (const shell of [undefined, 'sh', 'bash', 'dash']) {
    const given = shell === undefined ? {} : { shell }
    const multi = await run(t, ['echo one\nfalse\necho two'], given)
    t.match(multi, { failure: { kind: 'exit', code: 1 }, lines: ['stdout: one'], log: 'one\n' }, `${shell}`)
    const list = await run(t, ['echo one', 'echo two; exit 3', 'echo three'], given)
    t.match(list, { failure: { kind: 'exit', code: 3 }, log: 'one\ntwo\n' })
    const good = await run(t, ['x=1', 'echo "<$x>"'], given)
    t.match(good, { failure: undefined, log: '<>\n', leftOthers: false }, 'each has a shell of its own')
    t.ok(good.duration > 0)
  }
})

t.test('how it failed', async t => {
  const table: readonly (readonly [string, Given, unknown])[] = [
    ['kill -TERM $$', {}, { kind: 'signal', signal: 'SIGTERM' }],
    ['(kill -KILL $(sh -c "echo \\$PPID"))', { shell: 'bash' }, { kind: 'exit', code: 137 }],
    ['no-such-command', {}, { kind: 'not-found', what: 'command' }],
    ['true', { shell: 'no-such-shell' }, { kind: 'not-found', what: 'shell', name: 'no-such-shell' }],
    ['true', { shell: './stage.log' }, { kind: 'not-found', what: 'shell' }],
    ['true', { stage: { wdir: 'sub' as TreePath } }, { kind: 'not-found', what: 'directory', name: 'sub' }],
    ['true', { stage: { wdir: 'stage.log' as TreePath } }, { kind: 'not-found', what: 'directory' }],
    ['sleep 60', { stage: { timeout: 200 } }, { kind: 'timeout', after: 200 }],
  ]
  for (const [script, given, failure] of table) t.match((await run(t, [script], given)).failure, failure, script)
})

t.test('a timeout is for all scripts of a stage together', async t => {
  const { failure, log } = await run(t, ['sleep 0.3', 'sleep 0.3', 'echo too late'], { stage: { timeout: 500 } })
  t.match(failure, { kind: 'timeout', after: 500 })
  t.equal(log, '')
})

t.test('where it runs and what it finds there', async t => {
  const { log, root } = await run(t, ['pwd; echo "$DDV_ROOT $DDV_STAGE $OWN $INHERITED"'], {
    stage: { wdir: 'sub/dir' as TreePath },
    own: { OWN: 'no', INHERITED: 'kept' },
    prepare: root => mkdirSync(join(root, 'sub/dir'), { recursive: true }),
  })
  t.equal(log, `${root}/sub/dir\n${root} train yes kept\n`)
})

t.test("the user's own shell, where it is of the POSIX kind", async t => {
  const version = `if test -n "$BASH_VERSION"; then echo bash; else echo; fi`
  t.equal((await run(t, [version], { own: { SHELL: '/bin/bash' } })).log, 'bash\n')
  for (const SHELL of ['/usr/bin/fish', '/no/such/bash', '', undefined])
    t.equal((await run(t, [version], { own: { SHELL } })).log, '\n', `${SHELL}`)
  const other = await run(t, ['print("hello")'], {
    shell: './tools/speak',
    prepare: root => {
      mkdirSync(join(root, 'tools'))
      writeFileSync(join(root, 'tools/speak'), '#!/bin/sh\necho "$@"\n', { mode: 0o755 })
    },
  })
  t.equal(other.log, '-c print("hello")\n', 'another program gets the script and no more')
})

t.test('output: both streams in whole lines, bytes as they are, the last without an end', async t => {
  const script = [
    'printf "half "; sleep 0.1',
    'echo error >&2; sleep 0.1',
    'printf "and half\\n\\n"; sleep 0.1',
    'printf "\\377\\000\\r\\n"',
    'printf "no end"; sleep 0.1; printf "none either" >&2',
  ].join('\n')
  const { lines, log } = await run(t, [script])
  const expected = [
    'stderr: error',
    'stdout: half and half',
    'stdout: ',
    'stdout: \xff\0\r',
    'stdout: no end',
    'stderr: none either',
  ]
  t.same(lines, expected)
  t.equal(log, 'error\nhalf and half\n\n\xff\0\r\nno end\nnone either')
})

t.test('a line without an end, of 10 MB, comes in pieces', async t => {
  const { lines, log, failure } = await run(t, ['head -c 10000000 /dev/zero | tr "\\0" x; echo; echo end'])
  t.equal(failure, undefined)
  t.equal(log.length, 10_000_005)
  t.ok(lines.every(line => line.length <= 65_536 + 8))
  t.equal(lines.map(line => line.slice(8)).join(''), `${'x'.repeat(10_000_000)}end`)
})

t.test('a million lines', async t => {
  let count = 0
  const started = performance.now()
  const { log } = await run(t, ['seq 1000000'], { onLine: () => count++ })
  t.equal(count, 1_000_000)
  t.ok(log.endsWith('\n999999\n1000000\n'))
  t.ok(performance.now() - started < 10_000, `${Math.round(performance.now() - started)} ms`)
})

t.test('closed output and input', async t => {
  t.match(await run(t, ['exec <&- >&- 2>&-; exit 0']), { failure: undefined, log: '' })
  t.match(await run(t, ['read x || echo nothing']), { failure: undefined, log: 'nothing\n' })
})

t.test('what stays in the background ends with the stage', async t => {
  t.match(await run(t, ['sleep 60 & true', 'echo next']), { failure: undefined, leftOthers: true, log: 'next\n' })
})

t.test('an abort leaves what was printed in the log', async t => {
  const controller = new AbortController()
  const root = t.testdir()
  const log = new StageLog(join(root, 'stage.log'))
  const stage = stageOf('train', { cmd: 'printf "so far"; sleep 60' })
  const promise = localExecutor({ root, env, grace: 300 }).run(stage, { log, signal: controller.signal })
  setTimeout(() => controller.abort(), 300)
  await t.rejects(promise, { code: 'interrupted' })
  log.close()
  t.equal(readFileSync(log.file, 'utf8'), 'so far')
})
