// git's index under two hands: `git add` and `ddv add` at the same moment, a lock that is held, the index of a hook. With
// the git program, and without it, where isomorphic-git writes under a lock of ddv's own.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { gitEnv, withoutGit } from '../support/git.js'
import { loadProgram } from '../support/program.js'
import { makeWorkspace, testEnv } from '../support/workspace.js'

// A thousand rounds take longer than a test may.
t.setTimeout(0)

const ways = [
  ['with the program', testEnv],
  ['without', { ...testEnv, PATH: withoutGit.PATH }],
] as const

/** DDV_TEST_ALL=1: as many as it takes to be sure. */
const rounds = process.env.DDV_TEST_ALL === '1' ? 1000 : 25

t.test(`${rounds} rounds of git add beside ddv add: no entry is lost`, async t => {
  const top = t.testdir()
  for (const [how, env] of ways) {
    const w = await makeWorkspace(t, { root: join(top, how), env })
    const names = Array.from({ length: rounds }, (_, i) => `${i}`)
    w.write({ 'code/': '', ...Object.fromEntries(names.map(i => [`data/${i}`, i])) })
    // Until ddv is through. git gives up at once where ddv has the lock, as with any other git; so it is asked again.
    const loop = `i=0; met=0
      while kill -0 $PPID; do
        if test -e .git/stop && test $i -ge ${rounds}; then break; fi
        echo $i > code/$i; until git add code/$i 2>/dev/null; do met=$((met+1)); done; i=$((i+1))
      done; echo $i $met`
    const shell = spawn('sh', ['-c', loop], { cwd: w.root, env: gitEnv })
    let said = ''
    shell.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    const ended = once(shell, 'exit')
    try {
      for (const i of names) await w.add(`data/${i}`)
    } finally {
      writeFileSync(w.path('.git/stop'), '')
    }
    await ended
    const [added = 0, met = 0] = said.trim().split(' ').map(Number)
    const there = new Set(w.git('ls-files').split('\n'))
    const gits = Array.from({ length: added }, (_, i) => `code/${i}`)
    t.ok(added >= rounds)
    t.same(
      gits.filter(path => !there.has(path)),
      [],
      `${how}: git's`,
    )
    t.same(
      names.filter(i => !there.has(`data/${i}.ddv`)),
      [],
      `${how}: ddv's`,
    )
    t.equal(w.git('fsck', '--no-dangling'), '')
    t.equal(w.git('status', '--porcelain').match(/^(.[MD]|\?\?) /gm), null)
    t.comment(`${how}: git added ${added}, and met ddv's lock ${met} times`)
  }
})

t.test('a lock that another program keeps: exit 11, and the same command again ends it', async t => {
  const top = t.testdir()
  await Promise.all(
    ways.map(async ([how, env]) => {
      const w = await makeWorkspace(t, { root: join(top, how), env, files: { x: '1' } })
      const lock = w.path('.git/index.lock')
      writeFileSync(lock, '')
      const { code, stderr } = await w.ddv('add', 'x')
      t.equal(code, 11, how)
      t.match(stderr, /git's index is locked by another program: .*index\.lock\nddv: hint: /)
      t.ok(w.has('.git/index.lock'), 'it may be alive')
      rmSync(lock)
      t.equal((await w.ddv('add', 'x')).code, 0)
      t.match(w.git('ls-files'), 'x.ddv')
    }),
  )
})

t.test('a hook that adds data: what it stages is in the commit', async t => {
  const top = t.testdir()
  const { script } = await loadProgram()
  for (const [how, env] of ways)
    for (const [which, ...args] of [
      ['index', '-m', 'm'],
      ['all', '-a', '-m', 'm'],
      ['path', '-m', 'm', '--', 'code.txt'],
      ['amend', '--amend', '-a', '-m', 'm'],
    ] as const) {
      const w = await makeWorkspace(t, { root: join(top, `${how} ${which}`), files: { x: '1', 'code.txt': '1' } })
      await w.add('x')
      w.git('add', 'code.txt')
      w.commit()
      const path = env.PATH === withoutGit.PATH ? `PATH='${withoutGit.PATH}'` : ''
      const hook = w.path('.git/hooks/pre-commit')
      writeFileSync(hook, `#!/bin/sh\n${path} DDV_CORE_FSYNC=off '${process.execPath}' '${script}' add x\n`)
      chmodSync(hook, 0o755)
      w.write({ x: 'new', 'code.txt': 'new' })
      if (which === 'index') w.git('add', 'code.txt')
      w.git('commit', '-q', ...args)
      t.match(w.git('show', 'HEAD:x.ddv'), '"size": 3', `${how}: ${which}`)
      t.equal(w.git('show', 'HEAD:code.txt'), 'new')
      t.equal(w.git('fsck', '--no-dangling'), '')
      t.notOk(w.has('.git/index.lock'))
    }
})
