// Every command, in the order of the help text.

import type { Command } from './command.js'
import { add } from './commands/add.js'
import { cat } from './commands/cat.js'
import { checkout } from './commands/checkout.js'
import { commit } from './commands/commit.js'
import { defineCompletion } from './commands/completion.js'
import { config } from './commands/config.js'
import { dag } from './commands/dag.js'
import { describe } from './commands/describe.js'
import { diff } from './commands/diff.js'
import { doctor } from './commands/doctor.js'
import { du } from './commands/du.js'
import { fetch } from './commands/fetch.js'
import { get } from './commands/get.js'
import { hooks } from './commands/hooks.js'
import { init } from './commands/init.js'
import { list } from './commands/list.js'
import { log } from './commands/log.js'
import { metrics } from './commands/metrics.js'
import { move } from './commands/move.js'
import { params } from './commands/params.js'
import { pull } from './commands/pull.js'
import { push } from './commands/push.js'
import { register } from './commands/register.js'
import { registry } from './commands/registry.js'
import { remote } from './commands/remote.js'
import { remove } from './commands/remove.js'
import { repro } from './commands/repro.js'
import { root } from './commands/root.js'
import { run } from './commands/run.js'
import { runs } from './commands/runs.js'
import { schema } from './commands/schema.js'
import { stage } from './commands/stage.js'
import { status } from './commands/status.js'
import { verify } from './commands/verify.js'
import { version } from './commands/version.js'

const completion = defineCompletion(() => commands)

export const commands: readonly Command[] = [
  init,
  add,
  remove,
  move,
  status,
  checkout,
  commit,
  diff,
  log,
  list,
  cat,
  get,
  remote,
  push,
  fetch,
  pull,
  verify,
  repro,
  run,
  stage,
  dag,
  params,
  metrics,
  runs,
  register,
  registry,
  hooks,
  config,
  root,
  schema,
  describe,
  du,
  doctor,
  completion,
  version,
]

/** The groups of the help text: each begins with this command, and ends where the next begins. */
export const groupStarts: readonly (readonly [string, Command])[] = [
  ['Versioning', init],
  ['Sharing', remote],
  ['Pipelines', repro],
  ['Git and data in step', hooks],
  ['The rest', config],
]
