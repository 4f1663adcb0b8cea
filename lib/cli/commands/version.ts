import { defineCommand } from '../command.js'
import { formatTable } from '../format.js'
import { readVersion } from '../version.js'

export const version = defineCommand({
  usage: 'version',
  describe: 'print the version of ddv and of what it runs on',
  example: ['ddv version --json', 'for a bug report'],
  run: async (_args, context) => {
    const [{ hashName }, { zstdName }] = await Promise.all([
      import('../../sys/hash.js'),
      import('../../sys/compress.js'),
    ])
    const facts = {
      ddv: readVersion(),
      node: process.version.slice(1),
      platform: `${process.platform}-${process.arch}`,
      hash: hashName(),
      zstd: zstdName() ?? 'none',
    }
    context.result(facts, () => formatTable(Object.entries(facts)))
  },
})
