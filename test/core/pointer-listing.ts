import t from 'tap'
import type { DirectoryPointer, FilePointer } from '../../lib/core/pointer.js'
import { pointerListing } from '../../lib/core/pointer-listing.js'
import type { TreePath } from '../../lib/core/tree-path.js'
import { digestOf } from '../support/workspace.js'

const hash = digestOf('1')

t.test('a file', async t => {
  const pointer: FilePointer = { kind: 'file', filename: 'x', hash, size: 1, executable: false, meta: undefined }
  t.equal(pointerListing(pointer, []), `file x\nhash ${hash}\nsize 1\n`)
  const meta = { b: { y: 1, x: '\u001b[31m' }, a: null }
  t.equal(
    pointerListing({ ...pointer, executable: true, meta }, []),
    `file x\nhash ${hash}\nsize 1\nexecutable\nmeta a: null\nmeta b: {"x":"\\u001b[31m","y":1}\n`,
  )
})

t.test('a directory, by rows; names cannot draw on a terminal', async t => {
  const pointer: DirectoryPointer = {
    ...{ kind: 'directory', filename: 'd', hash, size: 3, files: 2 },
    ...{ meta: undefined, entries: undefined },
  }
  const head = `directory d\nhash ${hash}\nsize 3\nfiles 2\n`
  const rows = [
    { path: 'a\n\u202eb' as TreePath, digest: hash, size: 1, executable: false },
    { path: 'e' as TreePath, digest: undefined },
    { path: 's.sh' as TreePath, digest: hash, size: 2, executable: true },
  ]
  const short = hash.slice(0, 12)
  t.equal(pointerListing(pointer, rows), `${head}\na\\n\\u202eb 1 ${short}\ne/\ns.sh 2 ${short} executable\n`)
  t.equal(pointerListing(pointer, 'its manifest is not in the cache'), `${head}(its manifest is not in the cache)\n`)
})
