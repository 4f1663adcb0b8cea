// What every worker thread runs: the jobs of all rooms. A composition root, like main for the threads.

import { storeSmallJob } from '../cache/store.js'
import { remoteJobs } from '../remote/jobs.js'
import { copyLargeJob, hashFileJob, hashRingJob } from '../sys/copy.js'
import { copyJob, renameJob } from '../sys/durable-renames.js'
import { hashSmallJob } from '../sys/hash-files.js'
import { serveJobs } from '../sys/serve.js'
import { statFilesJob } from '../sys/stats.js'
import { stageJob } from '../workspace/materialize.js'

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
  ...remoteJobs,
])
