// A ddv workspace in a git repository of its own, below the test's directory, with the ops bound to it. Everything that
// it opens is closed when the test ends.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { main } from '../../lib/cli/main.js'
import { type Digest, digestPath } from '../../lib/core/digest.js'
import { type DdvError, isDdvError } from '../../lib/core/errors.js'
import { decodeLock, encodeLock, type LockedOut, type StageLock } from '../../lib/core/lockfile.js'
import type { StageName } from '../../lib/core/stage.js'
import type { TreePath } from '../../lib/core/tree-path.js'
import { type AddOptions, type AddResult, add } from '../../lib/ops/add.js'
import { type CheckoutOptions, type CheckoutResult, checkout } from '../../lib/ops/checkout.js'
import { type FetchResult, fetch } from '../../lib/ops/fetch.js'
import { init } from '../../lib/ops/init.js'
import { openProject, type Project } from '../../lib/ops/project.js'
import { type PullOptions, type PullResult, pull } from '../../lib/ops/pull.js'
import { type PushOptions, type PushResult, push } from '../../lib/ops/push.js'
import { type OutputStatus, type StatusOptions, type StatusResult, status } from '../../lib/ops/status.js'
import { hashBytes } from '../../lib/sys/hash.js'
import type { Environment } from '../../lib/sys/spawn.js'
import { isExecutable, statIfThere } from '../../lib/sys/stats.js'
import { git, gitEnv, makeRepository } from './git.js'

export type Files = Readonly<Record<string, string | Buffer>>

export interface WorkspaceOptions {
  /** Where; `w` in the test's directory unless told. */
  readonly root?: string
  /** Over the environment of the tests. */
  readonly env?: Environment
  /** On a file system in memory where there is one: for hundreds of commands, each of which would wait for the disk. */
  readonly inMemory?: boolean
  /** Without git at all. */
  readonly noGit?: boolean
  readonly files?: Files
}

/** No settings but those of the test; without waiting for the disk, since nobody pulls the plug here. */
export const testEnv: Environment = { ...gitEnv, DDV_CORE_FSYNC: 'off' }

/** For `env`: node without what tap puts into the environment of every child process, which is slow and writes here. */
export const plainNode: readonly string[] = ['-u', 'NODE_OPTIONS', process.execPath]

export const digestOf = (content: string | Buffer): Digest => hashBytes(Buffer.from(content))

export interface StageOptions {
  /** `prepare` unless told. */
  readonly name?: string
  /** Where: `ddv.lock` unless told. */
  readonly lock?: string
  readonly cache?: boolean
  readonly push?: boolean
}

function lockedOut(pointer: Record<string, unknown>, options: { cache: boolean; push: boolean }): LockedOut {
  const { kind, hash, size, files, executable = false } = pointer as unknown as LockedOut
  return { kind, hash, size, files, executable, meta: undefined, ...options }
}

/** Makes it, initialised and committed. */
export async function makeWorkspace(t: Test, options: WorkspaceOptions = {}): Promise<TestWorkspace> {
  const {
    inMemory = false,
    root = join(inMemory ? memoryDirectory(t) : t.testdir(), 'w'),
    env,
    noGit = false,
  } = options
  const all = { ...testEnv, ...env }
  if (noGit) mkdirSync(root, { recursive: true })
  else makeRepository(root)
  await init({ directory: root, env: all, noGit })
  if (!noGit) git(root, 'commit', '-q', '-m', 'init')
  const workspace = openWorkspace(t, root, all)
  workspace.write(options.files ?? {})
  return workspace
}

function memoryDirectory(t: Test): string {
  if (!existsSync('/dev/shm')) return t.testdir()
  return temporaryDirectory(t, '/dev/shm')
}

/** A directory outside this repository, gone when the test ends. */
export function temporaryDirectory(t: Test, parent = tmpdir()): string {
  const directory = realpathSync(mkdtempSync(join(parent, 'ddv-test-')))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** For a workspace that is there already, such as a clone. */
export function openWorkspace(t: Test, root: string, env: Environment = testEnv): TestWorkspace {
  const workspace = new TestWorkspace(root, env)
  t.teardown(() => workspace.close())
  return workspace
}

/** A class because it keeps one project open and opens it anew on demand. */
export class TestWorkspace {
  readonly root: string
  readonly env: Environment
  #project: Project | undefined

  constructor(root: string, env: Environment) {
    this.root = root
    this.env = env
  }

  async project(): Promise<Project> {
    this.#project ??= await openProject({ cwd: this.root, env: this.env, hash: undefined })
    return this.#project
  }

  /** As when the next command starts: configuration and ignore files are read again. */
  async close(): Promise<void> {
    const open = this.#project
    this.#project = undefined
    await open?.close()
  }

  path(...parts: readonly string[]): string {
    return join(this.root, ...parts)
  }

  /** A path that ends in `/` is an empty directory. */
  write(files: Files): void {
    writeFiles(this.root, files)
  }

  read(path: string): string {
    return readFileSync(this.path(path), 'utf8')
  }

  has(path: string): boolean {
    return statIfThere(this.path(path)) !== undefined
  }

  remove(...paths: readonly string[]): void {
    for (const path of paths) rmSync(this.path(path), { recursive: true, force: true })
  }

  tree(path = ''): Record<string, string> {
    return readTree(this.path(path))
  }

  pointer(output: string): { hash: Digest; [key: string]: unknown } {
    return JSON.parse(this.read(`${output}.ddv`))
  }

  blob(digest: string): string {
    return this.path('.cache', digestPath(digest as Digest))
  }

  /** Changes one byte of a blob; its size stays. */
  corrupt(digest: string): void {
    corruptFile(this.blob(digest))
  }

  git(...args: readonly string[]): string {
    return git(this.root, ...args)
  }

  commit(message = 'c'): string {
    this.git('commit', '-q', '-m', message)
    return this.git('rev-parse', 'HEAD')
  }

  async add(targets: readonly string[] | string, options: Partial<AddOptions> = {}): Promise<AddResult> {
    return add(await this.project(), [targets].flat(), { cwd: this.root, ...options })
  }

  /** These become outputs of a stage, as a run of it would leave them: in the cache, ignored, named by the lock alone. */
  async addStage(paths: readonly string[] | string, options: StageOptions = {}): Promise<void> {
    const { name = 'prepare', lock = 'ddv.lock', cache = true, push = true } = options
    const all = [paths].flat()
    const before = new Map(this.has(lock) ? decodeLock(this.read(lock), lock) : [])
    const old = before.get(name as StageName)
    const others = new Map([...(old?.outs ?? [])].filter(([path]) => !all.includes(path)))
    const stageOf = (outs: StageLock['outs']): StageLock => ({
      command: {},
      deps: new Map(),
      params: new Map(),
      env: {},
      outs,
    })
    // As long as they are outputs of it they cannot be added.
    if (old !== undefined) this.write({ [lock]: encodeLock(before.set(name as StageName, stageOf(others))) })
    await this.add(all)
    const outs = all.map(path => [path as TreePath, lockedOut(this.pointer(path), { cache, push })] as const)
    this.write({ [lock]: encodeLock(before.set(name as StageName, stageOf(new Map([...others, ...outs])))) })
    const pointers = all.map(path => `${path}.ddv`)
    this.remove(...pointers)
    if (!this.has('.git')) return
    this.git('rm', '-q', '--cached', '--ignore-unmatch', '--', ...pointers)
    this.git('add', '--', lock)
  }

  async status(targets: readonly string[] | string = [], options: Partial<StatusOptions> = {}): Promise<StatusResult> {
    return status(await this.project(), [targets].flat(), { cwd: this.root, ...options })
  }

  /** Of one output, by itself. */
  async look(target: string): Promise<OutputStatus> {
    const { outputs, failures } = await this.status(target)
    const [failure] = failures
    if (failure !== undefined) throw failure.error
    return outputs[0] as OutputStatus
  }

  async checkout(
    targets: readonly string[] | string = [],
    options: Partial<CheckoutOptions> = {},
  ): Promise<CheckoutResult> {
    return checkout(await this.project(), [targets].flat(), { cwd: this.root, ...options })
  }

  async push(targets: readonly string[] | string = [], options: Partial<PushOptions> = {}): Promise<PushResult> {
    return push(await this.project(), [targets].flat(), { cwd: this.root, ...options })
  }

  async fetch(targets: readonly string[] | string = [], options: Partial<PushOptions> = {}): Promise<FetchResult> {
    return fetch(await this.project(), [targets].flat(), { cwd: this.root, ...options })
  }

  async pull(targets: readonly string[] | string = [], options: Partial<PullOptions> = {}): Promise<PullResult> {
    return pull(await this.project(), [targets].flat(), { cwd: this.root, ...options })
  }

  /** A command line, in this process, from the workspace's top. */
  ddv(...argv: readonly string[]): Promise<Ran> {
    return ddv(this.root, argv, this.env)
  }
}

export function writeFiles(root: string, files: Files): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(path.endsWith('/') ? join(root, path) : dirname(join(root, path)), { recursive: true })
    if (!path.endsWith('/')) writeFileSync(join(root, path), content)
  }
}

/**
 * Everything below, by path: a file's text (with `*` before it where it is executable), `-> target` of a link, and '' for
 * an empty directory, whose path ends in `/`. A file itself has the path ''; nothing at all gives {}.
 */
export function readTree(root: string): Record<string, string> {
  const tree: Record<string, string> = {}
  const visit = (path: string): void => {
    const absolute = join(root, path)
    const stat = statIfThere(absolute)
    if (stat === undefined) return
    if (stat.isSymbolicLink()) tree[path] = `-> ${readlinkSync(absolute)}`
    else if (stat.isFile()) tree[path] = `${isExecutable(stat.mode) ? '*' : ''}${readFileSync(absolute, 'latin1')}`
    else if (stat.isDirectory()) {
      const names = readdirSync(absolute).sort()
      if (names.length === 0) tree[`${path}/`] = ''
      for (const name of names) visit(path === '' ? name : `${path}/${name}`)
    } else tree[path] = 'special'
  }
  visit('')
  return tree
}

export function corruptFile(file: string): void {
  const bytes = readFileSync(file)
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
  chmodSync(file, 0o644)
  writeFileSync(file, bytes)
  chmodSync(file, 0o444)
}

/** What is in `.cache/corrupt`. */
export function setAside(root: string): string[] {
  const directory = join(root, '.cache/corrupt')
  return existsSync(directory) ? readdirSync(directory) : []
}

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** `main` with its surroundings in memory. */
export async function ddv(cwd: string, argv: readonly string[], env: Environment = testEnv): Promise<Ran> {
  const said = { stdout: '', stderr: '' }
  const output = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      said[name] += text
    },
    writeBytes: async (bytes: Uint8Array) => {
      said[name] += Buffer.from(bytes).toString('latin1')
      return true
    },
    isTerminal: false,
    columns: 80,
  })
  const code = await main(argv, {
    stdout: output('stdout'),
    stderr: output('stderr'),
    env,
    cwd,
    onInterrupt: () => () => undefined,
    exitInterrupted: () => {
      throw new Error('the process would have been ended')
    },
  })
  return { code, ...said }
}

/** The error that it ends with; fails the test where it does not. */
export async function errorOf(t: Test, work: Promise<unknown>, ...codes: readonly string[]): Promise<DdvError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!isDdvError(error)) throw error ?? new Error('no error')
  if (codes.length > 0)
    t.ok(codes.includes(error.code), `${error.code} is one of ${codes.join(', ')}: ${error.message}`)
  return error
}
