// Packages that only some people need: loaded on first use, and asked for by name where they are not installed.

import { DdvError, systemCode } from '../core/errors.js'

const absent = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND', 'ERR_DLOPEN_FAILED']

export interface Need {
  /** "<what> needs the package …". */
  readonly what: string
  /** As for npm. */
  readonly packages: string
}

/** Throws `refused` where it is not installed, with what to install. */
export async function loadOptional<T>(load: () => Promise<T>, { what, packages }: Need): Promise<T> {
  try {
    return await load()
  } catch (cause) {
    if (!absent.includes(systemCode(cause) ?? '')) throw cause
    throw new DdvError('refused', `${what} needs a package that is not installed: ${packages}`, {
      hint: `npm install ${packages}`,
      cause,
    })
  }
}
