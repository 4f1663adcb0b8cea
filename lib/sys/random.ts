import { randomBytes } from 'node:crypto'

/** 16 hex digits, for names that must not meet. */
export const randomName = (): string => randomBytes(8).toString('hex')
