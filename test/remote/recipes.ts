import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { digestFromBytes } from '../../lib/core/digest.js'
import { encodeRecipe, type Recipe } from '../../lib/core/recipe.js'
import { openMemoryRemote } from '../../lib/remote/memory.js'
import { findOldRecipe, keepRecipe, keptRecipes, readRecipe, recipeKey, writeRecipe } from '../../lib/remote/recipes.js'

const digest = (n: number) => digestFromBytes(Buffer.alloc(32, n))
const recipe = (n: number, kind: 'file' | 'directory' = 'file'): Recipe => ({
  kind,
  hash: digest(n),
  size: 300,
  packs: [{ digest: digest(200), size: 484, tableOffset: 300 }],
  runs: [{ pack: 0, first: 0, count: 3, offset: 0, stored: 300, raw: 300 }],
})

t.test('on a remote', async t => {
  let now = 0
  const remote = openMemoryRemote({ now: () => now })
  const claim = { kind: 'file', hash: digest(1), size: 300 } as const
  t.equal(await readRecipe(remote, claim), undefined)
  const bytes = await writeRecipe(remote, recipe(1))
  now = 5000
  t.same(await readRecipe(remote, claim), { recipe: recipe(1), age: 5000, bytes })
  await t.rejects(readRecipe(remote, { ...claim, size: 299 }), { code: 'corrupt' })
  t.equal(await readRecipe(remote, { ...claim, kind: 'directory' }), undefined, 'kinds do not meet')
  await remote.put(recipeKey('file', digest(2)), bytes)
  await t.rejects(readRecipe(remote, { ...claim, hash: digest(2) }), { code: 'corrupt' }, 'that of something else')
  await remote.put(recipeKey('file', digest(1)), Buffer.alloc(30_000_000))
  await t.rejects(readRecipe(remote, claim), { code: 'corrupt' }, 'longer than any honest one')
})

t.test('kept', async t => {
  const directory = join(t.testdir(), 'recipes')
  t.same([...keptRecipes(directory)], [])
  t.same([...keptRecipes(undefined)], [])
  for (const kept of [recipe(1), recipe(2, 'directory')]) keepRecipe(directory, kept, Buffer.from(encodeRecipe(kept)))
  keepRecipe(undefined, recipe(1), Buffer.alloc(0))
  writeFileSync(join(directory, `file-${digest(3)}`), 'no recipe')
  writeFileSync(join(directory, 'file-x'), 'no name')
  t.equal(readdirSync(directory).length, 4, 'no temporary file is left')
  t.same(
    [...keptRecipes(directory)].sort((a, b) => (a.hash < b.hash ? -1 : 1)),
    [recipe(1), recipe(2, 'directory')],
  )
  keepRecipe('/dev/null/recipes', recipe(1), Buffer.alloc(0))
})

t.test('of an earlier version: kept here, or on the remote', async t => {
  const directory = join(t.testdir(), 'recipes')
  const remote = openMemoryRemote()
  const options = { directory, signal: undefined }
  t.equal(await findOldRecipe(remote, recipe(1), options), undefined)
  await writeRecipe(remote, recipe(1))
  t.same(await findOldRecipe(remote, recipe(1), options), recipe(1))
  await remote.put(recipeKey('file', digest(2)), Buffer.from('nonsense'))
  t.equal(await findOldRecipe(remote, recipe(2), options), undefined)
  keepRecipe(directory, recipe(2), Buffer.from(encodeRecipe(recipe(2))))
  t.same(await findOldRecipe(remote, recipe(2), options), recipe(2))
})
