import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ddv } from '../support/fake-io.js'

const has = (shell: string): boolean => spawnSync(shell, ['-c', 'exit 0']).status === 0

t.test('bash', { skip: !has('bash') && 'no bash here' }, async t => {
  const script = join(t.testdir(), 'ddv.bash')
  writeFileSync(script, (await ddv({ cwd: '/' }, 'completion', 'bash')).stdout)
  const complete = (...words: readonly string[]): readonly string[] => {
    const ask = `. "$0"; COMP_WORDS=(ddv "$@"); COMP_CWORD=$#; _ddv; printf '%s\\n' "\${COMPREPLY[@]}"`
    const { stdout, stderr } = spawnSync('bash', ['-c', ask, script, ...words], { encoding: 'utf8' })
    t.equal(stderr, '')
    return stdout.split('\n').filter(word => word !== '')
  }
  t.same(complete('stat'), ['status'])
  t.ok(complete('').includes('init'))
  t.same(complete('remote', 'a'), ['add'])
  t.same(complete('remote', 'add', '--p'), ['--profile', '--path-style'])
  t.same(complete('--json', 'config', 'l'), ['list'])
  t.same(complete('status', '--no'), ['--no-progress'])
  t.same(complete('add', 'da'), [], 'files are for the shell')
})

t.test('zsh', { skip: !has('zsh') && 'no zsh here' }, async t => {
  const { stdout } = await ddv({ cwd: '/' }, 'completion', 'zsh')
  t.match(spawnSync('zsh', ['-n'], { input: stdout, encoding: 'utf8' }), { status: 0, stderr: '' })
})

t.test('other shells', async t => {
  for (const shell of ['fish', 'constructor'])
    t.match(await ddv({ cwd: '/' }, 'completion', shell), { code: 2, stderr: /no completion for this shell/ })
})
