#!/usr/bin/env node
import { processIo } from '../lib/cli/io.js'
import { main } from '../lib/cli/main.js'

// Which Node there is, is for whoever installs it to decide, and not for each push to complain of.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'

void main(process.argv.slice(2), processIo()).then(code => {
  process.exitCode = code
})
