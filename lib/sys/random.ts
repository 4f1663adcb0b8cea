// Node's crypto costs 5 ms to load, for which an `add` of what has not changed would wait: its lock has a name. So the
// kernel is asked itself where it can be.

import { closeSync, openSync, readSync } from 'node:fs'
import { systemCode } from '../core/errors.js'

/** Nobody can guess them. */
export const randomBytes = (count: number): Buffer =>
  fromKernel(count) ?? process.getBuiltinModule('node:crypto').randomBytes(count)

/** 16 hex digits, for names that must not meet. */
export const randomName = (): string => randomBytes(8).toString('hex')

/** undefined where there is no such device, or it is not to be had. */
function fromKernel(count: number): Buffer | undefined {
  let fd: number
  try {
    fd = openSync('/dev/urandom', 'r')
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return undefined
  }
  try {
    const bytes = Buffer.alloc(count)
    return readSync(fd, bytes, 0, count, null) === count ? bytes : undefined
  } finally {
    closeSync(fd)
  }
}
