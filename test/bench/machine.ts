// Where a result was made: without it a figure says nothing.

import { spawnSync } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'

const said = (...[file, ...args]: readonly [string, ...string[]]): string =>
  spawnSync(file, args, { encoding: 'utf8' }).stdout?.trim().split('\n').at(-1) ?? ''

export const isThere = (program: string): boolean => spawnSync('which', [program]).status === 0

export function machineFacts(directory: string): Record<string, string | number> {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memory: totalmem(),
    node: process.version,
    kernel: release(),
    fileSystem: said('stat', '-f', '-c', '%T', directory),
    load: said('cat', '/proc/loadavg'),
    ddv: said('git', 'describe', '--always', '--dirty'),
    git: said('git', '--version'),
    cp: spawnSync('cp', ['--version'], { encoding: 'utf8' }).stdout?.split('\n')[0] ?? '',
    tar: spawnSync('tar', ['--version'], { encoding: 'utf8' }).stdout?.split('\n')[0] ?? '',
    ...(isThere('b3sum') && { b3sum: said('b3sum', '--version') }),
    ...(isThere('dvc') && { dvc: said('dvc', '--version') }),
    ...(isThere('radosgw') && { radosgw: said('radosgw', '--version') }),
  }
}
