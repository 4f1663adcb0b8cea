// From the configuration of a remote, or of a lake, to a driver with retries.

import { isAbsolute, resolve } from 'node:path'
import { DdvError } from '../core/errors.js'
import type { OnEvent } from '../core/events.js'
import { parseEndpoint, parseRemoteUrl, type RemoteConfig, type RemoteLocation } from '../core/remote-config.js'
import { displayPath } from '../core/tree-path.js'
import { openDirectoryRemote } from './directory.js'
import type { Lake } from './lake.js'
import { openDirectoryLake } from './lake-directory.js'
import { openS3Lake } from './lake-s3.js'
import type { Remote } from './remote.js'
import { createRetry, type Retry, type RetryOptions, withRetry } from './retry.js'
import { openS3Remote } from './s3.js'
import type { S3Options } from './s3-client.js'

export interface OpenRemoteOptions {
  /** What a relative path in the URL is relative to: the workspace. */
  readonly root: string
  /** For whoever comes to write or goes by ages; see `DirectoryRootOptions`. */
  readonly write?: boolean
  /** False only where `core.fsync` is off. */
  readonly fsync?: boolean
  readonly onEvent?: OnEvent | undefined
  readonly retry?: RetryOptions
}

/** Asks nothing of the remote yet. Throws `bad-config`. */
export async function openRemote(config: RemoteConfig, options: OpenRemoteOptions): Promise<Remote> {
  const retry = createRetry({ ...options.retry, onEvent: options.onEvent })
  const location = parseRemoteUrl(config.url)
  const { url } = config
  if (location.type === 'directory') {
    const path = isAbsolute(location.path) ? location.path : resolve(options.root, location.path)
    const { write = false, fsync = true } = options
    return withRetry(openDirectoryRemote(path, { url, write, fsync }), retry)
  }
  return withRetry(openS3Remote(s3Options(config, location, retry)), retry)
}

export type OpenLakeOptions = Pick<OpenRemoteOptions, 'root' | 'fsync' | 'onEvent' | 'retry'>

/** Asks nothing of the lake yet. Throws `bad-config`. */
export function openLake(config: RemoteConfig, options: OpenLakeOptions): Lake {
  const retry = createRetry({ ...options.retry, onEvent: options.onEvent })
  const location = parseRemoteUrl(config.url)
  if (location.type === 's3') return openS3Lake(s3Options(config, location, retry))
  const path = isAbsolute(location.path) ? location.path : resolve(options.root, location.path)
  return openDirectoryLake(path, { url: config.url, fsync: options.fsync ?? true })
}

function s3Options(
  config: RemoteConfig,
  { bucket, prefix }: RemoteLocation & { readonly type: 's3' },
  retry: Retry,
): S3Options {
  const { url, endpoint, region, profile, pathStyle, timeouts, trusted } = config
  return {
    ...{ url, bucket, prefix, retry },
    ...(endpoint === undefined ? {} : { endpoint: parseEndpoint(endpoint, config) }),
    ...(region === undefined ? {} : { region: parseRegion(region) }),
    ...(profile === undefined ? {} : { profile }),
    ...(pathStyle === undefined ? {} : { pathStyle }),
    ...(timeouts === undefined ? {} : { timeouts }),
    ...(trusted === undefined ? {} : { trusted }),
  }
}

// It becomes part of AWS's host name.
function parseRegion(region: string): string {
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(region)) return region
  throw new DdvError('bad-config', `not a region: ${displayPath(region)}`, { hint: 'such as eu-central-1' })
}
