import t from 'tap'
import type { Digest } from '../../lib/core/digest.js'
import {
  currentStages,
  type KnownPromotion,
  type ModelHistory,
  planRegistration,
  selectVersion,
  sortVersions,
} from '../../lib/core/model-history.js'
import {
  type ModelName,
  type ModelStage,
  type ModelVersion,
  parseModelReference,
  parseWantedVersion,
} from '../../lib/core/model-name.js'

const artifact = (digit: string) =>
  ({ kind: 'file', hash: digit.repeat(64) as Digest, size: 1, files: undefined, executable: false }) as const

const version = (name: string, digit?: string) => ({
  version: name as ModelVersion,
  artifact: digit === undefined ? undefined : artifact(digit),
})

const promotion = (stage: string, number: number | undefined, name?: string): KnownPromotion => ({
  stage: stage as ModelStage,
  number,
  version: name as ModelVersion | undefined,
})

const history = (versions: ModelHistory['versions'], promotions: ModelHistory['promotions'] = []): ModelHistory => ({
  name: 'm' as ModelName,
  versions,
  promotions,
})

const two = history(
  [version('v1.0.0', 'a'), version('v1.1.0', 'b')],
  [promotion('production', 1, 'v1.0.0'), promotion('staging', 2, 'v1.1.0')],
)

t.test('what registering adds', async t => {
  const plan = (known: ModelHistory, digit: string, wanted?: string, stage?: string) =>
    planRegistration(known, {
      artifact: artifact(digit),
      version: parseWantedVersion(wanted),
      stage: stage as ModelStage | undefined,
    })
  const isNew = (name: string, promotion?: number) => ({ version: name, isNew: true, promotion })
  const isOld = (name: string, promotion?: number) => ({ version: name, isNew: false, promotion })
  t.same(plan(history([]), 'a'), isNew('v0.0.1'))
  t.same(plan(history([]), 'a', 'major', 'production'), isNew('v1.0.0', 1))
  t.same(plan(two, 'c'), isNew('v1.1.1'))
  t.same(plan(two, 'c', 'minor', 'production'), isNew('v1.2.0', 3))
  t.same(plan(two, 'c', 'v3.0.0'), isNew('v3.0.0'))
  t.same(plan(two, 'b'), isOld('v1.1.0'), 'the newest again')
  t.same(plan(two, 'b', 'major', 'staging'), isOld('v1.1.0'), 'which the stage has already')
  t.same(plan(two, 'b', undefined, 'production'), isOld('v1.1.0', 3))
  t.same(plan(two, 'a', 'v1.0.0', 'staging'), isOld('v1.0.0', 3), 'back to an older version')
  t.same(plan(two, 'a'), isNew('v1.1.1'), 'the bytes of an older one are a version again')
  t.same(plan(two, 'b', 'v2.0.0'), isNew('v2.0.0'), 'a version of its own, asked for')
  t.throws(() => plan(two, 'c', 'v1.1.0'), {
    code: 'refused',
    message: /registered already, with another digest: m@v1\.1\.0/,
    hint: /v1\.1\.1, v1\.2\.0 and v2\.0\.0/,
  })
  t.throws(() => plan(two, 'a', 'v1.1.0'), { code: 'refused' })
  t.throws(() => plan(two, 'c', 'v1.0.1'), { code: 'refused', message: /older than the newest, v1\.1\.0: m@v1\.0\.1/ })
  const foreign = history([version('v1.0.0')], [promotion('production', 7, 'v1.0.0')])
  t.same(plan(foreign, 'a', undefined, 'production'), isNew('v1.0.1', 8), 'a tag of another program counts')
  t.throws(() => plan(foreign, 'a', 'v1.0.0'), { code: 'refused', message: /does not tell its digest/ })
  t.same(
    planRegistration(two, {
      artifact: { ...artifact('b'), kind: 'directory', files: 1 },
      version: { bump: 'patch' },
      stage: undefined,
    }),
    isNew('v1.1.1'),
    'a directory is not the file of the same digest',
  )
})

t.test('stages', async t => {
  const all = [
    promotion('staging', 1, 'v1.0.0'),
    promotion('production', 2, 'v1.0.0'),
    promotion('staging', 3, 'v1.1.0'),
    promotion('dev', 4, 'v1.1.0'),
    promotion('dev', 5),
  ]
  t.same(
    [...currentStages(history([], all))],
    [
      ['production', 'v1.0.0'],
      ['staging', 'v1.1.0'],
    ],
  )
})

t.test('the version that is meant', async t => {
  const select = (known: ModelHistory, text: string) => {
    const reference = parseModelReference(text)
    if (reference === undefined) throw new Error(text)
    return selectVersion(known, reference)
  }
  t.equal(select(two, 'm@latest'), 'v1.1.0')
  t.equal(select(two, 'm@v1.0.0'), 'v1.0.0')
  t.equal(select(two, 'm#production'), 'v1.0.0')
  t.throws(() => select(two, 'm#nowhere'), { code: 'usage', hint: 'it has production, staging' })
  t.throws(() => select(history([version('v1.0.0', 'a')]), 'm#production'), { code: 'usage', hint: /m@latest/ })
  t.throws(() => select(two, 'm@v9.0.0'), { code: 'usage', hint: /newest is v1\.1\.0/ })
  t.throws(() => select(history([]), 'm@latest'), { code: 'usage', message: /no version is registered/ })
})

t.test('versions from two places', async t => {
  t.same(sortVersions([version('v1.10.0', 'a'), version('v1.9.0'), version('v1.9.0', 'b')]), [
    version('v1.9.0', 'b'),
    version('v1.10.0', 'a'),
  ])
})
