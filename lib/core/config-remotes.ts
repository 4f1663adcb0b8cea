// From settings to the remote that is meant.

import type { Config, RemoteSettings } from './config.js'
import { nearest } from './did-you-mean.js'
import { DdvError } from './errors.js'
import type { RemoteConfig } from './remote-config.js'
import { displayPath } from './tree-path.js'

/** The default remote's name: `core.remote`, or the only one that there is. */
export function defaultRemote({ core, remotes }: Config): string | undefined {
  if (core.remote !== undefined) return core.remote
  return remotes.size === 1 ? [...remotes.keys()][0] : undefined
}

/** Where models are registered: undefined means the default remote. */
export const registryRemote = ({ registry }: Config, given: string | undefined): string | undefined =>
  given ?? registry.remote

/** The remote of this name, or the default one. Throws `remote` where there is none, `usage` for an unknown name. */
export function selectRemote(config: Config, name: string | undefined): RemoteConfig {
  const wanted = name ?? defaultRemote(config)
  if (wanted === undefined)
    throw config.remotes.size === 0
      ? new DdvError('remote', 'no remote is configured', { hint: 'ddv remote add origin URL' })
      : new DdvError('remote', `no default among the remotes ${[...config.remotes.keys()].join(', ')}`, {
          hint: `name one with '-r NAME', or 'ddv config set core.remote NAME'`,
        })
  const settings = config.remotes.get(wanted)
  if (settings === undefined) throw unknownRemote(config, wanted)
  return toRemoteConfig(config, wanted, settings)
}

export function unknownRemote(config: Config, name: string): DdvError {
  const guess = nearest(name, config.remotes.keys())
  const list =
    config.remotes.size === 0 ? `'ddv remote add NAME URL' makes one` : `'ddv remote list' shows those there are`
  return new DdvError('usage', `no such remote: ${displayPath(name)}`, {
    hint: guess === undefined ? list : `did you mean '${guess}'?`,
  })
}

const millisecond = 1000

function toRemoteConfig(config: Config, name: string, settings: RemoteSettings): RemoteConfig {
  const { connectTimeout, idleTimeout, requestTimeout, ...rest } = settings
  const timeouts = {
    ...(connectTimeout !== undefined && { connect: connectTimeout * millisecond }),
    ...(idleTimeout !== undefined && { idle: idleTimeout * millisecond }),
    ...(requestTimeout !== undefined && { request: requestTimeout * millisecond }),
  }
  return { name, ...rest, trusted: isTrusted(config, name, settings), timeouts }
}

// Whoever configured the endpoint in a place that is only the user's own meant it to have the user's tokens. By name
// would not do: a setting for `origin` would count for every repository's `origin`.
function isTrusted({ entries, trustedHosts }: Config, name: string, { endpoint }: RemoteSettings): boolean {
  const layer = entries.get(`remotes.${name}.endpoint`)?.layer
  if (layer === 'user' || layer === 'environment' || layer === 'flags') return true
  return endpoint !== undefined && URL.canParse(endpoint) && trustedHosts.includes(new URL(endpoint).host)
}
