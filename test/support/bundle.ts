// The build: one bundle of ES modules under dist/bundle, split so that a command loads only what it needs. Packages with
// native parts stay outside, as dependencies that npm installs.

import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'

const root = resolve(import.meta.dirname, '../../..')
const bundle = join(root, 'dist/bundle')
const outdir = `${bundle}.${process.pid}`

/** Native, or found by `require` at run time (lmdb throws inside a bundle); and the AWS SDK, which is loaded late. */
const external = ['lmdb', 'blake3', '@napi-rs/*', '@mongodb-js/zstd', 'gearhash-jit', '@aws-sdk/*', '@smithy/*']

// For Node the first two offer CommonJS only, whose names esbuild does not see behind a dynamic import.
const alias = {
  yaml: join(root, 'node_modules/yaml/browser/index.js'),
  'isomorphic-git': join(root, 'node_modules/isomorphic-git/index.js'),
  'string-width': join(root, 'dist/lib/cli/text-width.js'),
}

// CommonJS packages inside the bundle call `require` for Node's own modules.
const banner = `import { createRequire as ddvCreateRequire } from 'node:module'
const require = ddvCreateRequire(import.meta.url)`

/** Entry points keep their names: the pool starts `thread.js` beside whatever chunk asks for it. */
const entries = { ddv: 'dist/bin/ddv.js', thread: 'dist/lib/ops/thread.js' }
const present = Object.entries(entries).filter(([, file]) => existsSync(join(root, file)))

await build({
  absWorkingDir: root,
  entryPoints: Object.fromEntries(present.map(([name, file]) => [name, join(root, file)])),
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external,
  alias,
  chunkNames: '[name]-[hash]',
  entryNames: '[name]',
  banner: { js: banner },
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: true,
  legalComments: 'linked',
  logLevel: 'warning',
})

chmodSync(join(outdir, 'ddv.js'), 0o755)
// Put in place as a whole, so that a test that runs meanwhile meets the old bundle or the new one.
rmSync(bundle, { recursive: true, force: true })
renameSync(outdir, bundle)
