// `register`: a model gets a name and a version, and a stage if it is promoted. In this order, so that whatever is believed is
// whole: the model's data is on the remote, then the record that names it, then the git tag that anybody could make from the
// record. Killed in between, the same command goes on.

import { registryRemote } from '../core/config-remotes.js'
import { DdvError, isDdvError } from '../core/errors.js'
import type { Control } from '../core/events.js'
import type { Json } from '../core/json.js'
import { type Artifact, pointerOfOut } from '../core/lockfile.js'
import {
  highestNumber,
  latestOf,
  planRegistration,
  type RegistrationPlan,
  sortVersions,
} from '../core/model-history.js'
import {
  type ModelName,
  type ModelStage,
  type ModelVersion,
  parseModelName,
  parseModelStage,
  parseWantedVersion,
  type WantedVersion,
} from '../core/model-name.js'
import { isCommitName, type ModelOrigin, type ModelRecord, type PromotionRecord } from '../core/model-record.js'
import { decodeMetrics } from '../core/params-file.js'
import type { Pointer } from '../core/pointer.js'
import type { RegisterRequest } from '../core/steps.js'
import { displayPath, type TreePath } from '../core/tree-path.js'
import { createModelRecord, createPromotion, type ListedModel } from '../remote/registry.js'
import type { Remote } from '../remote/remote.js'
import { statIfThere } from '../sys/stats.js'
import { Artifacts } from './artifacts.js'
import { currentCommit } from './current-commit.js'
import { type History, historiesInGit, historiesOnRemote, historyNamed } from './model-histories.js'
import { refuseTags, tagOrWarn, tagPromotion, tagVersion } from './model-tags.js'
import { openProjectRemote } from './open-remote.js'
import { readText } from './param-files.js'
import type { Project } from './project.js'
import { findProvenance, type Provenance, provenancesOf } from './provenance.js'
import { pushPointers } from './push.js'
import { outputsAt } from './revision.js'
import { storePaths } from './store-outs.js'

export interface RegisterOptions extends Control {
  /** The configuration's `registry.remote`, or the default remote, unless told. */
  readonly remote?: string | undefined
}

export interface RegisterResult {
  readonly model: ModelName
  readonly version: ModelVersion
  /** False: this version was there already. */
  readonly registered: boolean
  readonly path: TreePath
  readonly hash: Artifact['hash']
  readonly kind: Artifact['kind']
  readonly size: number
  readonly remote: string
  /** What the tag names; absent where nothing says it. */
  readonly commit?: string
  /** Git tags that are there now. */
  readonly tags: readonly string[]
  readonly stage?: ModelStage
  /** False: the stage had this version already, or none was asked for. */
  readonly promoted: boolean
}

/**
 * Throws `usage` for names that cannot be ones and for what is not under ddv; `refused` where the model is not what its
 * stage or pointer says, and for versions that cannot be had.
 */
export async function register(
  project: Project,
  request: RegisterRequest,
  options: RegisterOptions,
): Promise<RegisterResult> {
  const wanted = readRequest(project, request)
  const model = await readModel(project, request.model, options)
  const name = registryRemote(project.config, options.remote)
  const remote = await openProjectRemote(project, { ...options, name, write: true })
  try {
    const registering = { project, remote, remoteName: name, wanted, model, control: options }
    const { record, isNew } = await registerVersion(registering)
    const tag = await tagOrWarn(project, git => tagVersion(git, record, options), options)
    const promotion = await promote(registering, record)
    return {
      ...{ model: wanted.name, version: record.version, registered: isNew },
      ...{ path: record.path, hash: record.artifact.hash, kind: record.artifact.kind, size: record.artifact.size },
      remote: remote.url,
      ...(record.commit !== undefined && { commit: record.commit }),
      tags: [tag, promotion?.tag].flatMap(one => one ?? []),
      ...(wanted.stage !== undefined && { stage: wanted.stage }),
      promoted: promotion?.isNew ?? false,
    }
  } finally {
    await remote.close()
  }
}

interface Wanted {
  readonly name: ModelName
  readonly version: WantedVersion
  readonly stage: ModelStage | undefined
  readonly metrics: Json | undefined
}

function readRequest({ workspace }: Project, { name, version, stage, metrics }: RegisterRequest): Wanted {
  return {
    name: parseModelName(name),
    version: parseWantedVersion(version),
    stage: stage === undefined ? undefined : parseModelStage(stage),
    metrics: metrics === undefined ? undefined : readMetrics(workspace.root, metrics),
  }
}

/** Bytes: of what a tag's message is to hold beside the rest. */
const maxMetrics = 1_048_576

function readMetrics(root: string, file: TreePath): Json {
  const size = statIfThere(`${root}/${file}`)?.size
  if (size === undefined) throw new DdvError('usage', `no such file of metrics: ${displayPath(file)}`)
  if (size > maxMetrics)
    throw new DdvError('usage', `file of metrics is larger than ${maxMetrics} bytes: ${displayPath(file)}`)
  return decodeMetrics(readText(root, file), file)
}

interface Model {
  readonly path: TreePath
  readonly artifact: Artifact
  readonly pointer: Pointer
  readonly provenance: Provenance
}

/** As it is here, in the cache, and just as recorded. */
async function readModel(project: Project, path: TreePath, control: Control): Promise<Model> {
  const artifact = await new Artifacts(project, control).read(path)
  if (artifact === undefined)
    throw new DdvError('usage', `no such file or directory: ${displayPath(path)}`, {
      hint: `'ddv status' lists what is under ddv; 'ddv pull' brings it`,
    })
  const provenance = findProvenance(project, path, artifact)
  if (provenance === undefined) throw refusal(project, path)
  await storePaths(project, [path], control)
  return { path, artifact, pointer: pointerOfOut(path, { ...artifact, meta: undefined }), provenance }
}

function refusal(project: Project, path: TreePath): DdvError {
  const [recorded] = provenancesOf(project, path)
  const shown = displayPath(path)
  if (recorded === undefined)
    return new DdvError('usage', `not under ddv: ${shown}`, {
      hint: `declare it as an out of a stage, or track it with 'ddv add ${shown}'`,
    })
  const { made } = recorded
  return made === undefined
    ? new DdvError('refused', `has changed since it was added: ${shown}`, {
        hint: `'ddv add ${shown}' takes it as it is now, 'ddv checkout ${shown}' brings back what was added`,
      })
    : new DdvError('refused', `has changed since its stage '${displayPath(made.address)}' ran: ${shown}`, {
        hint: `'ddv repro ${displayPath(made.address)}' makes it again`,
      })
}

interface Registering {
  readonly project: Project
  readonly remote: Remote
  readonly remoteName: string | undefined
  readonly wanted: Wanted
  readonly model: Model
  readonly control: Control
}

interface Registered {
  readonly record: ModelRecord
  readonly isNew: boolean
}

/** Others may take versions meanwhile: so often it is looked which is the next. */
const maxAttempts = 20

async function registerVersion(registering: Registering): Promise<Registered> {
  const { project, remote, wanted, model, control } = registering
  let draft: Draft | undefined
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const { onRemote, inGit, plan } = await look(registering)
    const there = recordOf(onRemote, plan.version)
    // Before anything is sent: what is refused leaves nothing.
    await refuseTags(project, { name: wanted.name, version: plan.version, artifact: model.artifact, record: there })
    if (attempt === 0) await sendModel(registering)
    if (there !== undefined) return { record: there, isNew: false }
    draft ??= await draftOf(registering)
    // A tag may tell of one that this remote has not.
    const record = (inGit && recordOf(inGit, plan.version)) ?? { ...draft, version: plan.version }
    if (await createModelRecord(remote, record, { signal: control.signal })) return { record, isNew: true }
  }
  throw new DdvError('remote', `others register versions of the model all the time: ${wanted.name}`)
}

const recordOf = ({ versions }: History, version: ModelVersion): ModelRecord | undefined =>
  versions.find(one => one.version === version)?.record

interface Looked {
  readonly onRemote: History
  readonly inGit: History | undefined
  readonly plan: RegistrationPlan
}

/** Versions that only git knows are taken, too; which version a stage has is for the remote to say. */
async function look({ project, remote, wanted, model, control }: Registering): Promise<Looked> {
  const { name, version } = wanted
  const options = { name, signal: control.signal }
  const isWanted = (one: ModelVersion, { versions }: ListedModel): boolean =>
    one === latestOf(versions) || ('exact' in version && one === version.exact)
  const onRemote = historyNamed(await historiesOnRemote(remote, { ...options, wanted: isWanted }), name)
  const inGit = project.git === undefined ? undefined : historyNamed(await historiesInGit(project.git, options), name)
  const versions = sortVersions([...onRemote.versions, ...(inGit?.versions ?? [])])
  const lastNumber = inGit === undefined ? 0 : highestNumber(inGit)
  const plan = planRegistration({ ...onRemote, versions }, { ...wanted, artifact: model.artifact, lastNumber })
  return { onRemote, inGit, plan }
}

async function sendModel({ project, remoteName, model, control }: Registering): Promise<void> {
  const { path, pointer } = model
  const { failures } = await pushPointers(project, [{ path, pointer }], { ...control, remote: remoteName })
  const [failure] = failures
  if (failure !== undefined) throw failure.error
}

type Draft = Omit<ModelRecord, 'version'>

async function draftOf({ project, wanted, model, control }: Registering): Promise<Draft> {
  const { path, artifact, provenance } = model
  const found = (await currentCommit(project))?.id
  const commit = found !== undefined && isCommitName(found) ? found : undefined
  const committed = await isCommitted(project, model, control)
  if (committed === false && project.config.environment !== 'production')
    control.onEvent?.({
      type: 'warning',
      message: `the commit that it is registered for does not have this model: ${displayPath(path)}`,
      hint: 'commit before it is registered, so that whoever checks out its tag gets it',
    })
  return {
    ...{ model: wanted.name, path, artifact, metrics: wanted.metrics, commit, committed },
    origin: originOf(provenance),
    run: provenance.run,
    at: new Date(),
  }
}

function originOf({ made }: Provenance): ModelOrigin | undefined {
  if (made === undefined) return undefined
  const { command, deps, params } = made.lock
  return { address: made.address, command, deps, params }
}

/** Whether HEAD names what is recorded here; undefined without git. What cannot be read there does not. */
async function isCommitted(
  project: Project,
  { provenance: { output, pointer } }: Model,
  control: Control,
): Promise<boolean | undefined> {
  if (project.git === undefined) return undefined
  try {
    const { outputs } = await outputsAt(project, 'HEAD', control)
    const there = outputs.find(({ path }) => path === output)?.pointer
    return there !== undefined && there.kind === pointer.kind && there.hash === pointer.hash
  } catch (error) {
    if (isDdvError(error, 'usage', 'git')) return false
    throw error
  }
}

interface Promoted {
  /** False: the stage had this version already. */
  readonly isNew: boolean
  readonly tag: string | undefined
}

/** undefined where nothing is to be promoted. */
async function promote(registering: Registering, { version, commit }: ModelRecord): Promise<Promoted | undefined> {
  const { project, remote, wanted, control } = registering
  const { name, stage } = wanted
  if (stage === undefined) return undefined
  const tagIt = (record: PromotionRecord) => tagOrWarn(project, git => tagPromotion(git, record, control), control)
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const { onRemote, plan } = await look({ ...registering, wanted: { ...wanted, version: { exact: version } } })
    const number = plan.promotion
    if (number === undefined) {
      const there = onRemote.promotions.findLast(one => one.stage === stage)?.record
      return { isNew: false, tag: there && (await tagIt(there)) }
    }
    const record = { model: name, stage, number, version, commit, at: new Date() }
    if (await createPromotion(remote, record, { signal: control.signal }))
      return { isNew: true, tag: await tagIt(record) }
  }
  throw new DdvError('remote', `others promote versions of the model all the time: ${name}`)
}
