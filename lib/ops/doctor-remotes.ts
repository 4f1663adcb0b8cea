// Whether each remote answers, and where credentials would come from.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defaultRemote, selectRemote } from '../core/config-remotes.js'
import { isDdvError, systemCode } from '../core/errors.js'
import type { Control } from '../core/events.js'
import { displayPath } from '../core/tree-path.js'
import { openRemote } from '../remote/open.js'
import type { Environment } from '../sys/spawn.js'
import { type Check, problem } from './doctor-check.js'
import type { Project } from './project.js'

export interface RemoteCheckOptions extends Control {
  readonly env: Environment
}

/** Milliseconds; who asks what is wrong does not wait for minutes. */
const patience = 15_000

export async function checkRemotes(project: Project, options: RemoteCheckOptions): Promise<readonly Check[]> {
  const { config } = project
  if (config.remotes.size === 0)
    return [
      {
        name: 'remote',
        state: 'warning',
        message: 'none: the data is on this machine alone',
        hint: 'ddv remote add origin URL',
      },
    ]
  const names = [...config.remotes.keys()]
  const checks = await Promise.all(names.map(name => checkRemote(project, name, options)))
  const stores = names.filter(name => config.remotes.get(name)?.url.toLowerCase().startsWith('s3:'))
  const profiles = new Set(stores.map(name => config.remotes.get(name)?.profile))
  const credentials = [...profiles].map(profile => checkCredentials(options.env, profile))
  return [...(defaultRemote(config) === undefined ? [noDefault] : []), ...checks, ...credentials]
}

const noDefault: Check = {
  name: 'remote',
  state: 'warning',
  message: 'none of several is the default',
  hint: 'ddv config set core.remote NAME',
}

async function checkRemote(project: Project, remoteName: string, { signal }: Control): Promise<Check> {
  const name = `remote ${remoteName}`
  const late = AbortSignal.timeout(patience)
  try {
    const config = selectRemote(project.config, remoteName)
    const url = displayPath(config.url)
    const retry = { attempts: 2, totalTime: patience }
    // A directory that the first push will make is no problem.
    const remote = await openRemote(config, { root: project.workspace.root, write: true, retry })
    try {
      const both = signal === undefined ? late : AbortSignal.any([late, signal])
      const marker = await remote.stat('ddv.json', { signal: both })
      return { name, state: 'ok', message: marker === undefined ? `answers, empty yet: ${url}` : `answers: ${url}` }
    } finally {
      await remote.close()
    }
  } catch (error) {
    if (isDdvError(error, 'interrupted') && signal?.aborted !== true)
      return {
        name,
        state: 'problem',
        message: `no answer within ${patience / 1000} s`,
        hint: 'check the network and the endpoint of the remote',
      }
    return problem(name, error)
  }
}

/** Where the AWS tools would find credentials; nothing of them is kept or told. */
export function checkCredentials(env: Environment, configured: string | undefined): Check {
  const profile = configured ?? env.AWS_PROFILE
  const name = profile === undefined ? 'credentials' : `credentials of ${displayPath(profile)}`
  if (profile !== undefined) {
    if (hasProfile(env, profile)) return { name, state: 'ok', message: 'in the AWS configuration' }
    return {
      name,
      state: 'problem',
      message: 'no such profile in the AWS configuration',
      hint: 'aws configure --profile NAME',
    }
  }
  if (env.AWS_ACCESS_KEY_ID !== undefined && env.AWS_ACCESS_KEY_ID !== '') {
    if ((env.AWS_SECRET_ACCESS_KEY ?? '') !== '') return { name, state: 'ok', message: 'in AWS_ACCESS_KEY_ID' }
    return { name, state: 'problem', message: 'AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not' }
  }
  if (hasProfile(env, 'default')) return { name, state: 'ok', message: 'in the AWS configuration' }
  const variable = roleVariables.find(variable => (env[variable] ?? '') !== '')
  if (variable !== undefined) return { name, state: 'ok', message: `by ${variable}` }
  return {
    name,
    state: 'warning',
    message: 'none found here; a role of this machine may serve',
    hint: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws configure`, or name a profile for the remote',
  }
}

const roleVariables = [
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
]

function hasProfile(env: Environment, profile: string): boolean {
  const home = env.HOME ?? env.USERPROFILE ?? ''
  const files = [
    env.AWS_SHARED_CREDENTIALS_FILE ?? join(home, '.aws', 'credentials'),
    env.AWS_CONFIG_FILE ?? join(home, '.aws', 'config'),
  ]
  return files.some(file =>
    [...readIfThere(file).matchAll(/^\s*\[\s*(?:profile\s+)?([^\]]+?)\s*\]/gm)].some(([, name]) => name === profile),
  )
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return ''
  }
}
