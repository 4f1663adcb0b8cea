// Every way to name a commit, in every kind of repository, with the git program and without it: one table.

import { join } from 'node:path'
import t from 'tap'
import { isDdvError } from '../../lib/core/errors.js'
import { openProject } from '../../lib/ops/project.js'
import { outputsAt } from '../../lib/ops/revision.js'
import { git, withoutGit } from '../support/git.js'
import { makeWorkspace, type TestWorkspace, testEnv } from '../support/workspace.js'

const noGit = { ...testEnv, PATH: withoutGit.PATH }

/** Three versions of one file on main, the second merged with a branch; tags, a stash, an upstream. */
async function makeHistory(t: Parameters<typeof makeWorkspace>[0]): Promise<TestWorkspace> {
  const w = await makeWorkspace(t, { files: { x: '1' } })
  const step = async (content: string, message: string): Promise<void> => {
    w.write({ x: content })
    await w.add('x')
    w.commit(message)
  }
  await step('1', 'first step')
  w.git('tag', '-m', 'x', 'annotated')
  w.git('tag', 'light')
  w.git('switch', '-q', '-c', 'side')
  await step('22', 'on the side')
  w.git('switch', '-q', 'main')
  w.git('commit', '-q', '--allow-empty', '-m', 'nothing')
  w.git('merge', '-q', '--no-ff', '-m', 'merged', 'side')
  w.write({ x: '333' })
  await w.add('x')
  w.git('stash', '-q')
  await w.checkout('x', { force: true })
  w.write({ x: '4444' })
  await w.add('x')
  w.commit('fourth step')
  return w
}

const sizeAt = async (root: string, revision: string, env: typeof testEnv): Promise<number | string> => {
  const project = await openProject({ cwd: root, env })
  try {
    const { outputs } = await outputsAt(project, revision, { signal: undefined })
    return outputs.find(({ path }) => path === 'x')?.pointer.size ?? 'none'
  } catch (error) {
    if (isDdvError(error)) return error.code
    throw error
  } finally {
    await project.close()
  }
}

/** Revision → size of the file there; or the error's code with the program, and without it. */
const revisions: readonly (readonly [string, number | string, (number | string)?])[] = [
  ['HEAD', 4],
  ['main', 4],
  ['annotated', 1],
  ['light', 1],
  ['HEAD~1', 2],
  ['HEAD~1^2', 2],
  ['HEAD~2', 1],
  ['HEAD^^1', 1],
  ['HEAD^2', 'usage'],
  ['stash', 3],
  ['side', 2],
  [':/first step', 1, 'git'],
  [':/no such words', 'usage', 'git'],
  ['HEAD^{/on the side}', 2, 'git'],
  ['main@{0}', 4, 'git'],
  ['@{u}', 4, 'git'],
  ['HEAD~99', 'usage'],
  ['x', 'usage'],
]

const shapes: Readonly<Record<string, (w: TestWorkspace) => string>> = {
  loose: w => w.root,
  packed: w => {
    w.git('gc', '-q')
    w.git('pack-refs', '--all')
    return w.root
  },
  'index version 4': w => {
    w.git('update-index', '--index-version', '4')
    return w.root
  },
  'sparse checkout': w => {
    w.git('sparse-checkout', 'set', '--no-cone', '/.ddv/', '/elsewhere/')
    return w.root
  },
  'linked worktree': w => {
    w.git('worktree', 'add', '-q', '-b', 'linked', '../linked')
    w.git('branch', '-q', '--set-upstream-to=main', 'linked')
    return w.path('../linked')
  },
  submodule: w => {
    const outer = w.path('../outer')
    git(w.root, 'init', '-q', '-b', 'main', outer)
    git(outer, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', w.root, 'sub')
    const sub = join(outer, 'sub')
    git(sub, 'fetch', '-q', 'origin', 'refs/heads/side:refs/heads/side', 'refs/stash:refs/stash', '--tags')
    return sub
  },
}

for (const [shape, make] of Object.entries(shapes))
  t.test(shape, async t => {
    const w = await makeHistory(t)
    w.git('branch', '-q', 'upstream')
    w.git('branch', '-q', '--set-upstream-to=upstream', 'main')
    const [short, tag] = [w.git('rev-parse', '--short', 'HEAD~1'), w.git('rev-parse', 'annotated')]
    await w.close()
    const root = make(w)
    for (const [revision, size, without = size] of [...revisions, [short, 2] as const, [tag, 1] as const]) {
      t.equal(await sizeAt(root, revision, testEnv), size, `${revision}, with git`)
      t.equal(await sizeAt(root, revision, noGit), without, `${revision}, without`)
    }
  })

t.test('where a shallow clone ends, the message says so', async t => {
  const w = await makeHistory(t)
  const root = w.path('../shallow')
  git(w.root, 'clone', '-q', '--depth', '1', `file://${w.root}`, root)
  for (const env of [testEnv, noGit]) {
    t.equal(await sizeAt(root, 'HEAD', env), 4)
    const project = await openProject({ cwd: root, env })
    t.teardown(() => project.close())
    await t.rejects(outputsAt(project, 'HEAD~1', { signal: undefined }), {
      code: 'usage',
      hint: /shallow.*--unshallow/,
    })
  }
})
