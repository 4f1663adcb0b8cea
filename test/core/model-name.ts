import t from 'tap'
import {
  compareVersions,
  isModelVersion,
  type ModelVersion,
  nextVersion,
  parseModelName,
  parseModelReference,
  parseModelStage,
  parseModelTag,
  parseWantedVersion,
  promotionTag,
  versionTag,
} from '../../lib/core/model-name.js'

const v = (text: string) => text as ModelVersion

t.test('names', async t => {
  for (const name of ['m', 'model', 'movie-rating', '2', 'a--b', 'x'.repeat(64)]) {
    t.equal(parseModelName(name), name)
    t.equal(parseModelStage(name), name)
  }
  for (const [name, hint] of [
    ['', undefined],
    ['Model', 'model'],
    ['movie_rating', 'movie-rating'],
    ['my model!', 'my-model'],
    ['-m', 'm'],
    ['m-', 'm'],
    ['a/b', 'a-b'],
    ['a.b', 'a-b'],
    ['m@v1.0.0', 'm-v1-0-0'],
    ['m#prod', 'm-prod'],
    ['../x', 'x'],
    ['modèle', 'mod-le'],
    ['x'.repeat(65), 'x'.repeat(64)],
    ['a\u0000b', 'a-b'],
    ['é', undefined],
  ] as const) {
    t.throws(() => parseModelName(name), { code: 'usage', message: /not a name of a model/ }, name)
    const hintOf = hint === undefined ? /^lower-case letters.*64$/ : `: such as '${hint}'`
    t.throws(() => parseModelStage(name), {
      code: 'usage',
      hint: typeof hintOf === 'string' ? new RegExp(hintOf) : hintOf,
    })
  }
})

t.test('versions', async t => {
  for (const text of ['v0.0.0', 'v1.2.0', 'v10.20.30', 'v999999999.0.0']) t.ok(isModelVersion(text), text)
  for (const text of [
    '',
    'v',
    '1.2.0',
    'v1',
    'v1.2',
    'v01.2.0',
    'v1.2.0-rc.1',
    'v1.2.0+x',
    'v1.2.0 ',
    'V1.2.0',
    'v1.2.-1',
    'v9999999999.0.0',
  ])
    t.notOk(isModelVersion(text), text)
  t.same(['v1.10.0', 'v1.2.0', 'v0.9.9', 'v1.2.1', 'v2.0.0', 'v1.2.0'].map(v).sort(compareVersions), [
    'v0.9.9',
    'v1.2.0',
    'v1.2.0',
    'v1.2.1',
    'v1.10.0',
    'v2.0.0',
  ])
  t.equal(nextVersion(undefined, 'major'), 'v1.0.0')
  t.equal(nextVersion(undefined, 'minor'), 'v0.1.0')
  t.equal(nextVersion(undefined, 'patch'), 'v0.0.1')
  t.equal(nextVersion(v('v1.2.3'), 'major'), 'v2.0.0')
  t.equal(nextVersion(v('v1.2.3'), 'minor'), 'v1.3.0')
  t.equal(nextVersion(v('v1.2.3'), 'patch'), 'v1.2.4')
  t.throws(() => nextVersion(v('v999999999.0.0'), 'major'), { code: 'refused' })
  t.same(parseWantedVersion(undefined), { bump: 'patch' })
  t.same(parseWantedVersion('minor'), { bump: 'minor' })
  t.same(parseWantedVersion('v1.2.0'), { exact: 'v1.2.0' })
  t.throws(() => parseWantedVersion('1.2.0'), { code: 'usage', hint: `did you mean 'v1.2.0'?` })
  for (const text of ['', 'newest', 'v1.2', 'v1.2.0-rc.1', '__proto__'])
    t.throws(() => parseWantedVersion(text), { code: 'usage', hint: /major, minor, patch/ }, text)
})

t.test('references', async t => {
  t.same(parseModelReference('m@v1.2.0'), { name: 'm', selector: 'v1.2.0' })
  t.same(parseModelReference('m@latest'), { name: 'm', selector: 'latest' })
  t.same(parseModelReference('m#production'), { name: 'm', selector: { stage: 'production' } })
  for (const text of [
    'm',
    'm@',
    'm#',
    '@v1.2.0',
    'm@v1',
    'm@next',
    'M@latest',
    'a/m@latest',
    'm#a#1',
    'm@v1.0.0#x',
    'data/x@2',
    'm#Prod',
  ])
    t.equal(parseModelReference(text), undefined, text)
})

t.test('tags, as GTO writes them', async t => {
  const name = parseModelName('movie-rating')
  t.equal(versionTag(name, v('v1.2.0')), 'movie-rating@v1.2.0')
  t.equal(promotionTag(name, parseModelStage('production'), 3), 'movie-rating#production#3')
  const table: readonly (readonly [string, object | undefined])[] = [
    ['m@v1.2.0', { name: 'm', version: 'v1.2.0', cancelled: false }],
    ['m@v1.2.0#4', { name: 'm', version: 'v1.2.0', cancelled: false }],
    ['m@v1.2.0!#4', { name: 'm', version: 'v1.2.0', cancelled: true }],
    ['m#prod#3', { name: 'm', stage: 'prod', number: 3, cancelled: false }],
    ['m#prod', { name: 'm', stage: 'prod', number: undefined, cancelled: false }],
    ['m#prod!#12', { name: 'm', stage: 'prod', number: 12, cancelled: true }],
    ['m@deprecated#5', undefined],
    ['m@v1.2.0-rc.1', undefined],
    ['v1.2.0', undefined],
    ['m', undefined],
    ['M@v1.2.0', undefined],
    ['m#', undefined],
    ['m#prod#', undefined],
    ['m#prod#x', undefined],
    ['', undefined],
  ]
  for (const [tag, parsed] of table) t.same(parseModelTag(tag), parsed, tag)
})
