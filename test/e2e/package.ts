// What a user installs: the package as npm packs it, in a place of its own.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { makeRepository } from '../support/git.js'
import { plainNode, temporaryDirectory, testEnv, writeFiles } from '../support/workspace.js'

const root = resolve(import.meta.dirname, '../../..')
const npmEnv = {
  ...process.env,
  npm_config_update_notifier: 'false',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
}

function pack(directory: string): { file: string; names: string[] } {
  const said = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', directory], {
    cwd: root,
    env: npmEnv,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [packed] = JSON.parse(said) as [{ filename: string; files: { path: string }[] }]
  return { file: join(directory, packed.filename), names: packed.files.map(({ path }) => path) }
}

t.test('packed and installed', { timeout: 240_000 }, async t => {
  const top = temporaryDirectory(t)
  const { file, names } = pack(top)
  t.ok(names.includes('dist/bundle/ddv.js') && names.includes('dist/bundle/thread.js'), 'the bundle is in it')
  t.ok(names.includes('dist/lib/index.js') && names.includes('dist/lib/index.d.ts'), 'and the library')
  t.same(
    names.filter(name => /^(test|dist\/test|fixtures|\.tap|node_modules)/.test(name)),
    [],
    'and no tests',
  )

  const prefix = join(top, 'prefix')
  mkdirSync(prefix)
  writeFiles(prefix, { 'package.json': '{"private": true}' })
  const install = spawnSync('npm', ['install', '--prefer-offline', '--ignore-scripts', '--no-save', file], {
    cwd: prefix,
    env: npmEnv,
    encoding: 'utf8',
    timeout: 150_000,
  })
  if (install.status !== 0) {
    const reason = `npm cannot install here: ${install.stderr?.trim().split('\n').at(0) ?? install.error?.message}`
    if (/network|ENOTFOUND|ECONN|ETIMEDOUT|EAI_AGAIN|offline|ENOTCACHED/i.test(`${install.stderr}${install.error}`))
      t.pass(reason, { skip: reason })
    else t.fail(`${reason}\n${install.stderr}`)
    return
  }
  const program = join(prefix, 'node_modules/.bin/ddv')
  const ddv = (cwd: string, ...args: string[]) =>
    spawnSync('env', [...plainNode.slice(0, -1), program, ...args], { cwd, env: testEnv, encoding: 'utf8' })
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  t.match(ddv(top, '--version'), { status: 0, stdout: `${version}\n`, stderr: '' })
  t.match(ddv(top, '--help').stdout, /^ +add +put data/m)

  const w = makeRepository(join(top, 'w'))
  // Enough files that worker threads are needed, so that their entry is found in the bundle.
  writeFiles(w, Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`d/${i}`, `content ${i}`])))
  writeFiles(w, { big: Buffer.alloc(9_000_000, 'x') })
  for (const args of [['init'], ['remote', 'add', 'origin', '../remote'], ['add', 'd', 'big'], ['push']])
    t.match(ddv(w, ...args), { status: 0 }, args.join(' '))
  execFileSync('rm', ['-rf', 'd', 'big', '.cache'], { cwd: w })
  t.match(ddv(w, 'pull'), { status: 0 })
  t.equal(readdirSync(join(w, 'd')).length, 40)
  t.match(ddv(w, 'status', '--exit-code'), { status: 0 })

  const script = `import('ddv').then(m => console.log(Object.keys(m).filter(k => /^(add|pull|openProject)$/.test(k)).sort().join()))`
  const imported = spawnSync(process.execPath, ['-e', script], { cwd: prefix, encoding: 'utf8' })
  t.equal(imported.stdout.trim(), 'add,openProject,pull', imported.stderr)
})
