// The build: CommonJS under dist/bundle, in few files. Node loads one large CommonJS file in less than half the time of
// forty small ES modules (each of Node's own modules costs an ES module a facade, too), and what a command does not need
// stays an uncalled function in it. Packages with native parts stay outside, as dependencies that npm installs.

import { createHash } from 'node:crypto'
import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import { pipelineJsonSchema } from '../../lib/core/pipeline-schema.js'

const root = resolve(import.meta.dirname, '../../..')
const bundle = join(root, 'dist/bundle')
const outdir = `${bundle}.${process.pid}`

/** Native, or found by `require` at run time (lmdb throws inside a bundle); and what is loaded late, or may not be there. */
const external = [
  'lmdb',
  'blake3',
  '@napi-rs/*',
  '@mongodb-js/zstd',
  'gearhash-jit',
  '@duckdb/*',
  'pg',
  'pg-cursor',
  '@google-cloud/*',
  '@aws-sdk/*',
  '@smithy/*',
]

/** Large, and needed by few commands: files of their own. For Node both offer CommonJS only, with names that are not seen. */
const late = {
  yaml: join(root, 'node_modules/yaml/browser/index.js'),
  'isomorphic-git': join(root, 'node_modules/isomorphic-git/index.js'),
}

/** Imports of these are left to run time, as files beside the one that asks. */
const beside = (names: readonly string[]): Plugin => ({
  name: 'beside',
  setup: ({ onResolve }) =>
    onResolve({ filter: /./ }, ({ path, kind }) => {
      const name = basename(path, '.js')
      return kind !== 'entry-point' && names.includes(name) ? { path: `./${name}.js`, external: true } : undefined
    }),
})

const common = {
  absWorkingDir: root,
  outdir,
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  external,
  alias: { 'string-width': join(root, 'dist/lib/cli/text-width.js') },
  // `require` in their place: an `import` would go through Node's ES module loader, which reads CommonJS twice.
  supported: { 'dynamic-import': false },
  banner: { js: `const ddvUrl = require('node:url').pathToFileURL(__filename).href` },
  define: { 'import.meta.url': 'ddvUrl', 'import.meta.dirname': '__dirname' },
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'linked',
  logLevel: 'warning',
} satisfies BuildOptions

// The pool starts `thread.js` beside whatever file asks for it.
const entryPoints = {
  'command-line': 'dist/lib/cli/command-line.js',
  hook: 'dist/lib/cli/hook.js',
  thread: 'dist/lib/ops/thread.js',
}
await build({ ...common, entryPoints, plugins: [beside(Object.keys(late))] })
await build({ ...common, entryPoints: late })

/** The command line, and git's hooks without its parser, are loaded with their compiled code; `--version` does without. */
const compiled: Plugin = {
  name: 'compiled',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^\.\/(command-line|hook)\.js$/ }, ({ path }) => ({
      path: basename(path),
      namespace: 'compiled',
    }))
    onLoad({ filter: /./, namespace: 'compiled' }, ({ path }) => {
      const build = createHash('sha256')
        .update(readFileSync(join(outdir, path)))
        .digest('hex')
        .slice(0, 32)
      const loader = JSON.stringify(join(root, 'dist/lib/cli/code-cache.js'))
      const file = `require('node:path').join(__dirname, '${path}')`
      const contents = `module.exports = require(${loader}).requireCompiled(${file}, { build: '${build}', env: process.env })`
      return { contents, resolveDir: root }
    })
  },
}
await build({ ...common, entryPoints: { ddv: 'dist/bin/ddv.js' }, plugins: [compiled] })

writeFileSync(join(outdir, 'package.json'), '{"type":"commonjs"}\n')
// For editors, which find it in the installed package.
writeFileSync(join(outdir, 'ddv.schema.json'), `${JSON.stringify(pipelineJsonSchema(), null, 2)}\n`)
chmodSync(join(outdir, 'ddv.js'), 0o755)
// Put in place as a whole, so that a test that runs meanwhile meets the old bundle or the new one.
rmSync(bundle, { recursive: true, force: true })
renameSync(outdir, bundle)
