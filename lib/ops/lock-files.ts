// The locks of a workspace's pipelines while stages run: read again where another process wrote one, and written whole, at
// most once a second. What is not written yet is not lost with the process: the run cache has the result.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { isDdvError } from '../core/errors.js'
import { encodeLock, type Lock, type StageLock } from '../core/lockfile.js'
import type { StageName } from '../core/stage.js'
import type { TreePath } from '../core/tree-path.js'
import { writeFileAtomic } from '../sys/fs.js'
import { openInside } from '../sys/inside.js'
import type { Locked } from '../sys/lock.js'
import { statIfThere } from '../sys/stats.js'
import { readLock } from '../workspace/locks.js'
import { workTemporaryDirectory } from '../workspace/workspace.js'
import type { Project } from './project.js'

interface Known {
  readonly state: string
  readonly lock: Lock
}

export interface LockFilesOptions {
  /** Names that a `ddv.yaml` has: others leave its lock when it is written. */
  readonly isStage: (file: TreePath, name: StageName) => boolean
  /** Runs the writing alone among all that write here. */
  readonly locked: <T>(work: (locked: Locked) => Promise<T>) => Promise<T>
}

/** Milliseconds between two writes. */
const interval = 1000

const untoldKey = (file: TreePath): string => `untold/${file}`

/** A class because results wait in it for their turn. */
export class LockFiles {
  readonly #project: Project
  readonly #options: LockFilesOptions
  readonly #known = new Map<TreePath, Known>()
  readonly #pending = new Map<TreePath, Map<StageName, StageLock>>()
  /** As each was when it was first read. */
  readonly #first = new Map<TreePath, Lock>()
  #written = 0
  readonly #changed = new Set<TreePath>()

  constructor(project: Project, options: LockFilesOptions) {
    this.#project = project
    this.#options = options
  }

  /** The stage's last good run, this process's own or another's. */
  find(file: TreePath, name: StageName): StageLock | undefined {
    return this.#pending.get(file)?.get(name) ?? this.#read(file).get(name)
  }

  /** Locks that were written with other bytes than they had. */
  get changed(): ReadonlySet<TreePath> {
    return this.#changed
  }

  /**
   * Takes note of a result, and writes all that wait where the last writing is long enough ago. While another process keeps
   * the workspace to itself they wait on: what took hours to make does not fail for that.
   */
  async record(file: TreePath, name: StageName, stage: StageLock): Promise<void> {
    const waiting = this.#pending.get(file) ?? new Map<StageName, StageLock>()
    this.#pending.set(file, waiting.set(name, stage))
    if (performance.now() - this.#written >= interval)
      await this.flush().catch(error => {
        if (!isDdvError(error, 'busy')) throw error
      })
  }

  /** Git was told of these locks. */
  told(files: Iterable<TreePath>): void {
    const { notes } = this.#project.index()
    notes.write(batch => {
      for (const file of files) batch.remove(untoldKey(file))
    })
    notes.flush()
  }

  /** Written by this process, or by one that was killed, and not told to git yet. */
  isUntold(file: TreePath): boolean {
    return this.#changed.has(file) || this.#project.index().notes.get(untoldKey(file)) !== undefined
  }

  async flush(): Promise<void> {
    this.#written = performance.now()
    if (this.#pending.size === 0) return
    await this.#options.locked(async locked => {
      for (const [file, stages] of [...this.#pending]) {
        this.#write(file, stages, locked)
        this.#pending.delete(file)
      }
    })
    this.#written = performance.now()
  }

  #read(file: TreePath): Lock {
    const stat = statIfThere(join(this.#project.workspace.root, file))
    const state = stat === undefined ? '' : [stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(' ')
    const known = this.#known.get(file)
    if (known?.state === state) return known.lock
    const lock = readLock(this.#project.workspace.root, file)
    this.#known.set(file, { state, lock })
    if (!this.#first.has(file)) this.#first.set(file, lock)
    return lock
  }

  // What another process wrote meanwhile stays, also of stages that ddv.yaml had not yet when this one read it.
  #write(file: TreePath, stages: ReadonlyMap<StageName, StageLock>, _locked: Locked): void {
    const { workspace, cache } = this.#project
    const before = readLock(this.#project.workspace.root, file)
    const isNew = (name: StageName): boolean => this.#first.get(file)?.has(name) === false
    const merged = [...before, ...stages].filter(([name]) => this.#options.isStage(file, name) || isNew(name))
    const text = encodeLock(new Map(merged))
    if (before.size > 0 && text === encodeLock(before)) return
    const temporary = workTemporaryDirectory(workspace)
    mkdirSync(temporary, { recursive: true })
    const path = openInside(workspace.root).pathWithParents(file)
    const { notes } = this.#project.index()
    notes.write(batch => batch.put(untoldKey(file), Buffer.from('1')))
    notes.flush()
    writeFileAtomic(path, text, { durable: cache.fsync !== 'off', temporary })
    this.#changed.add(file)
  }
}
