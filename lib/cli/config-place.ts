// Which settings a command reads and writes: those of the workspace around it, where there is one.

import type { Options } from 'yargs'
import { DdvError } from '../core/errors.js'
import type { ConfigPlace, FileLayer } from '../ops/config-files.js'
import { findWorkspace } from '../workspace/workspace.js'
import type { Context } from './command.js'

export const placeOf = ({ cwd, io }: Context): ConfigPlace => ({ root: findWorkspace(cwd)?.root, env: io.env })

/** Which file a change goes to: the repository's unless told. */
export const layerOptions = {
  local: { type: 'boolean', default: false, describe: 'for this clone alone (.ddv/config.local.yaml)' },
  user: { type: 'boolean', default: false, describe: 'for you, in all workspaces (~/.config/ddv/config.yaml)' },
} as const satisfies Record<string, Options>

export function layerOf({ local, user }: { readonly local: boolean; readonly user: boolean }): FileLayer {
  if (local && user) throw new DdvError('usage', '--local and --user exclude each other')
  return local ? 'local' : user ? 'user' : 'repository'
}
