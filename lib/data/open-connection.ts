// From a connection's settings to its driver. Whoever opens one closes it.

import type { ConnectionTarget } from '../core/config-connections.js'
import { openBigQuery } from './bigquery.js'
import type { Connection } from './connection.js'
import { type DuckDbOptions, openDuckDb } from './duckdb-connection.js'
import { openPostgres } from './postgres.js'

export interface ConnectionOptions extends DuckDbOptions {
  readonly signal?: AbortSignal | undefined
}

/** Throws `remote` where the warehouse cannot be had, `refused` where its package is not installed. */
export function openConnection(target: ConnectionTarget, options: ConnectionOptions): Promise<Connection> {
  if (target.type === 'postgres') return openPostgres(target, { signal: options.signal })
  return target.type === 'bigquery' ? openBigQuery(target) : openDuckDb(target, options)
}
