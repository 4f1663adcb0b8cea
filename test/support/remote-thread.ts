// The entry of a pool's threads in tests of lib/remote.

import { remoteJobs } from '../../lib/remote/jobs.js'
import { serveJobs } from '../../lib/sys/serve.js'

serveJobs(remoteJobs)
