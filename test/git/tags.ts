import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findRepository, type GitRepository } from '../../lib/git/repository.js'
import { findTag, listTags, makeTag } from '../../lib/git/tags.js'
import { commit, git, gitEnv, makeRepository, withoutGit } from '../support/git.js'

const message = 'model v1.0.0\n\n{\n  "hash": "ä",\n  "n": [\n    1\n  ]\n}\n'
const all = { wanted: () => true }

for (const [how, env] of [
  ['with the git program', gitEnv],
  ['without it', withoutGit],
] as const)
  t.test(how, async t => {
    const root = makeRepository(join(t.testdir(), 'r'), { a: '1' })
    const first = git(root, 'rev-parse', 'HEAD')
    const second = commit(root, { a: '2' })
    const repository = findRepository(root, env) as GitRepository
    t.same(await listTags(repository, all), [])
    t.equal(await findTag(repository, 'model@v1.0.0'), undefined)

    t.equal(await makeTag(repository, { name: 'model@v1.0.0', commit: first, message }), true)
    t.equal(await makeTag(repository, { name: 'model@v1.0.0', commit: second, message: 'other' }), false)
    t.equal(await makeTag(repository, { name: 'model#production#1', commit: second, message: 'a line\n' }), true)
    t.equal(git(root, 'cat-file', '-t', 'model@v1.0.0'), 'tag')
    t.match(
      git(root, 'cat-file', 'tag', 'model@v1.0.0'),
      new RegExp(
        `^object ${first}\ntype commit\ntag model@v1.0.0\ntagger A <a@example.com> \\d+ [+-]\\d+\n\nmodel v1.0.0\n\n\\{\n`,
      ),
    )

    git(root, 'tag', 'light', first)
    git(root, 'tag', '-a', '-m', 'of a tree', 'tree', 'HEAD^{tree}')
    git(root, 'tag', '-a', '-m', 'two\nlines\n\nand more', 'by-hand')
    git(root, 'tag', 'of-blob', 'HEAD:a')
    for (const packed of [false, true]) {
      if (packed) git(root, 'pack-refs', '--all')
      const tags = await listTags(repository, all)
      t.match(tags, [
        { name: 'by-hand', commit: second, message: /^two[\n ]lines\n\nand more\n$/ },
        { name: 'light', commit: first, message: undefined, at: undefined },
        { name: 'model#production#1', commit: second, message: 'a line' },
        { name: 'model@v1.0.0', commit: first, message },
      ])
      t.equal(tags.length, 4)
      t.ok(Math.abs((tags[3]?.at?.getTime() ?? 0) - Date.now()) < 60_000)
    }
    t.same((await listTags(repository, { wanted: name => name.startsWith('l') })).length, 1)
    await t.rejects(makeTag(repository, { name: 'x', commit: 'f'.repeat(40), message: '' }), { code: 'git' })
    t.equal(await makeTag(repository, { name: 'light', commit: second, message }), false, 'any tag is one')
  })

t.test('what git would do and nobody else can', async t => {
  const root = makeRepository(join(t.testdir(), 'r'), { a: '1' })
  const tag = { name: 'model@v1.0.0', commit: git(root, 'rev-parse', 'HEAD'), message }
  const hook = join(root, '.git/hooks/reference-transaction')
  writeFileSync(hook, '#!/bin/sh\nexit 1\n')
  chmodSync(hook, 0o755)
  const without = findRepository(root, withoutGit) as GitRepository
  await t.rejects(makeTag(without, tag), { code: 'git', message: /reference-transaction/ })
  await t.rejects(makeTag(findRepository(root, gitEnv) as GitRepository, tag), { code: 'git' })
  chmodSync(hook, 0o644)
  git(root, 'config', 'tag.gpgSign', 'true')
  await t.rejects(makeTag(without, tag), { code: 'git', message: /signs tags/ })
  git(root, 'config', 'tag.gpgSign', 'false')
  const nobody = { ...withoutGit, GIT_AUTHOR_NAME: undefined, GIT_AUTHOR_EMAIL: undefined }
  await t.rejects(makeTag(findRepository(root, nobody) as GitRepository, tag), { code: 'git', message: /who commits/ })
  t.equal(await findTag(without, tag.name), undefined)
})
