import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { DdvError } from '../../lib/core/errors.js'
import type { Event } from '../../lib/core/events.js'
import { hashBytes } from '../../lib/sys/hash.js'
import type { Pool } from '../../lib/sys/pool.js'
import {
  removeFile,
  removeIfEmpty,
  type StageOptions,
  setExecutable,
  stageFiles,
  type WriteFile,
} from '../../lib/workspace/materialize.js'
import { directPool, filesPool } from '../support/pool.js'

interface Bench {
  readonly root: string
  readonly options: StageOptions
  /** A blob with this content, read-only as in a cache, under a digest that may be another's. */
  blob(content: string | Buffer, more?: Partial<WriteFile>): WriteFile
}

function bench(t: Test, pool: Pool = directPool(), reflink = false): Bench {
  const root = t.testdir({ blobs: {}, tmp: {} })
  let count = 0
  return {
    root,
    options: { pool, reflink, newTemporary: () => join(root, 'tmp', `t${count++}`) },
    blob: (content, more = {}) => {
      const blob = join(root, 'blobs', `b${count++}`)
      writeFileSync(blob, content)
      chmodSync(blob, 0o444)
      const bytes = Buffer.from(content)
      return { blob, digest: hashBytes(bytes), size: bytes.length, executable: false, ...more }
    },
  }
}

const large = (fill: number): Buffer => Buffer.alloc(8 * 1024 * 1024 + 3, fill)
const mode = (file: string | undefined): number => lstatSync(file as string).mode & 0o777
const staged = (root: string): string[] => readdirSync(join(root, 'tmp'))

for (const reflink of [false, true])
  for (const count of [3, 600])
    t.test(`${count} files ${reflink ? 'as reflinks where they can be' : 'by copy'}`, async t => {
      const { root, options, blob } = bench(t, filesPool(t), reflink)
      const contents = [
        large(1),
        '',
        ...Array.from({ length: count }, (_, i) => `content ${i} `.repeat((i * 7) % 1000)),
      ]
      const files = contents.map(content => blob(content))
      const events: Event[] = []
      const { temporaries, failures } = await stageFiles(files, options, { onEvent: event => events.push(event) })
      t.same(failures, [])
      contents.forEach((content, row) => {
        if (!readFileSync(temporaries[row] as string).equals(Buffer.from(content))) t.fail(`row ${row}`)
      })
      t.equal(new Set(temporaries).size, files.length)
      t.equal(staged(root).length, files.length)
      t.same(
        events.reduce((sum, event) => sum + (event.type === 'done' ? event.bytes : 0), 0),
        files.reduce((sum, file) => sum + file.size, 0),
      )
      t.same(
        events.reduce((sum, event) => sum + (event.type === 'done' ? event.files : 0), 0),
        files.length,
      )
    })

t.test('modes are those of new files under the umask, and the blobs keep theirs', async t => {
  const before = process.umask(0o027)
  t.teardown(() => process.umask(before))
  for (const reflink of [false, true]) {
    const { options, blob } = bench(t, filesPool(t), reflink)
    const files = [
      blob('a'),
      blob('b', { executable: true }),
      blob('c'.repeat(5000), { executable: true }),
      blob(large(2)),
      blob(large(3), { executable: true }),
    ]
    const { temporaries } = await stageFiles(files, options, {})
    t.same(temporaries.map(mode), [0o640, 0o750, 0o750, 0o640, 0o750])
    t.same(
      files.map(file => mode(file.blob)),
      Array(5).fill(0o444),
    )
  }
})

t.test('a corrupt blob is found, whatever happened to it', async t => {
  const rots: Readonly<Record<string, (good: Buffer) => Buffer>> = {
    'one bit': good => Buffer.concat([good.subarray(0, -1), Buffer.from([(good.at(-1) as number) ^ 1])]),
    'cut short': good => good.subarray(0, -1),
    longer: good => Buffer.concat([good, Buffer.from('x')]),
    empty: () => Buffer.alloc(0),
  }
  for (const [name, rot] of Object.entries(rots))
    for (const good of [Buffer.from('good'), Buffer.alloc(5000, 'g'), large(4)])
      for (const reflink of [false, true]) {
        const { root, options, blob } = bench(t, directPool(), reflink)
        const bad = blob(rot(good), { digest: hashBytes(good), size: good.length })
        const { temporaries, failures } = await stageFiles([blob('fine'), bad], options, {})
        t.match(
          failures,
          [{ row: 1, error: { code: 'corrupt', message: new RegExp(`${bad.digest}$`) } }],
          `${name}, ${good.length} bytes`,
        )
        t.equal(temporaries[1], undefined)
        t.equal(readFileSync(temporaries[0] as string, 'utf8'), 'fine', 'the others are staged')
        t.equal(staged(root).length, 1, 'of the bad one nothing is left')
        t.ok(existsSync(bad.blob), 'and it is not deleted')
      }
})

t.test('a small blob that became larger than is read whole', async t => {
  const { root, options, blob } = bench(t)
  const bad = blob(large(5), { digest: hashBytes(Buffer.from('x')), size: 1 })
  t.match((await stageFiles([bad], options, {})).failures, [{ row: 0, error: { code: 'corrupt' } }])
  t.same(staged(root), [])
})

t.test('a missing blob is found', async t => {
  const { root, options, blob } = bench(t, filesPool(t))
  for (const content of ['small', large(6)]) {
    const file = blob(content)
    rmSync(file.blob)
    const { temporaries, failures } = await stageFiles([file, blob('fine')], options, {})
    t.match(failures, [{ row: 0, error: { code: 'missing', message: new RegExp(`${file.digest}$`) } }])
    t.equal(temporaries[0], undefined)
    t.equal(readFileSync(temporaries[1] as string, 'utf8'), 'fine')
    rmSync(temporaries[1] as string)
  }
  t.same(staged(root), [])
})

t.test('what is no regular file is no blob', async t => {
  const { root, options, blob } = bench(t)
  const [link, directory] = [blob('link'), blob('directory')]
  for (const file of [link, directory]) rmSync(file.blob)
  writeFileSync(join(root, 'blobs/target'), 'link')
  symlinkSync('target', link.blob)
  mkdirSync(directory.blob)
  const { failures } = await stageFiles([link, directory], options, {})
  t.same(
    failures.map(failure => failure.row),
    [0, 1],
  )
  t.ok(failures.every(failure => failure.error instanceof DdvError))
  t.same(staged(root), [])
})

t.test('a full disk, and an abort, leave nothing behind', async t => {
  for (const error of [Object.assign(new Error('x'), { code: 'ENOSPC' }), new TypeError('a bug')]) {
    const pool = directPool(() => {
      throw error
    })
    const { root, options, blob } = bench(t, pool)
    const expected = error instanceof TypeError ? { message: 'a bug' } : { code: 'no-space' }
    await t.rejects(stageFiles([blob('small'), blob(large(7))], options, {}), expected)
    t.same(staged(root), [])
  }
  const { root, options, blob } = bench(t)
  await t.rejects(stageFiles([blob('small')], options, { signal: AbortSignal.abort() }), { code: 'interrupted' })
  const aborting = new AbortController()
  const many = Array.from({ length: 3 }, () => blob(large(8)))
  const onEvent = (): void => aborting.abort()
  await t.rejects(stageFiles([blob('small'), ...many], options, { signal: aborting.signal, onEvent }), {
    code: 'interrupted',
  })
  t.same(staged(root), [])
})

t.test('a full disk while small files are staged', { skip: !existsSync('/dev/full') }, async t => {
  const { root, options, blob } = bench(t)
  const full: StageOptions = {
    ...options,
    pool: {
      ...options.pool,
      run: async () => [{ index: 1, code: 'no-space', message: 'full', hint: 'make room' }] as never,
    },
  }
  const files = Array.from({ length: 20 }, (_, i) => blob(`${i}`))
  await t.rejects(stageFiles(files, full, {}), { code: 'no-space', hint: 'make room' })
  t.same(staged(root), [])
})

t.test('removing', async t => {
  const directory = t.testdir({ file: '', full: { x: '' }, empty: {} })
  symlinkSync('full', join(directory, 'link'))
  for (const name of ['file', 'link', 'none']) removeFile(join(directory, name))
  t.same(readdirSync(directory).sort(), ['empty', 'full'])
  t.equal(removeIfEmpty(join(directory, 'empty')), true)
  t.equal(removeIfEmpty(join(directory, 'none')), true)
  t.equal(removeIfEmpty(join(directory, 'full')), false)
  t.equal(removeIfEmpty(join(directory, 'full/x')), false, 'a file is no empty directory')
  t.ok(existsSync(join(directory, 'full/x')))
})

t.test('executable bits go where a file may be read', async t => {
  const file = join(t.testdir({ x: '' }), 'x')
  const cases: readonly (readonly [number, boolean, number])[] = [
    [0o644, true, 0o755],
    [0o640, true, 0o750],
    [0o600, true, 0o700],
    [0o444, true, 0o555],
    [0o755, false, 0o644],
    [0o711, false, 0o600],
    [0o644, false, 0o644],
    [0o755, true, 0o755],
  ]
  for (const [before, executable, after] of cases) {
    chmodSync(file, before)
    setExecutable(file, executable)
    t.equal(mode(file), after, `${before.toString(8)} ${executable}`)
  }
})
