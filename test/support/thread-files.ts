// What the worker threads of tests run: the jobs of sys, cache and workspace, and some that misbehave.

import { storeSmallJob } from '../../lib/cache/store.js'
import { copyLargeJob, hashFileJob, hashRingJob } from '../../lib/sys/copy.js'
import { copyJob, renameJob } from '../../lib/sys/durable-renames.js'
import { hashSmallJob } from '../../lib/sys/hash-files.js'
import { serveJobs } from '../../lib/sys/serve.js'
import { statFilesJob } from '../../lib/sys/stats.js'
import { stageJob } from '../../lib/workspace/materialize.js'
import { testJobs } from './jobs.js'

serveJobs([
  storeSmallJob,
  hashFileJob,
  hashRingJob,
  copyLargeJob,
  copyJob,
  renameJob,
  hashSmallJob,
  statFilesJob,
  stageJob,
  ...testJobs,
])
