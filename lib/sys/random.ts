// Loaded on first use: Node's crypto costs 5 ms, and most commands need no name.

const crypto = (): typeof import('node:crypto') => process.getBuiltinModule('node:crypto')

export const randomBytes = (count: number): Buffer => crypto().randomBytes(count)

/** 16 hex digits, for names that must not meet. */
export const randomName = (): string => randomBytes(8).toString('hex')
