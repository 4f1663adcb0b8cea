// Many questions to one table, asked in one pass over it.

import type { Cell, Database } from './duckdb.js'

/** A class because questions are gathered before any is answered. */
export class Aggregates {
  readonly #expressions: string[] = []
  #answers: readonly Cell[] = []

  /** Gives what tells the answer, once `ask` is through. */
  add(expression: string): () => Cell {
    const at = this.#expressions.push(expression) - 1
    return () => this.#answers[at] ?? null
  }

  addCount(condition: string): () => number {
    const answer = this.add(`count(*) filter (${condition})::double`)
    return () => Number(answer())
  }

  /** `from`: a table, or a select in parentheses. */
  async ask(database: Database, from: string): Promise<void> {
    if (this.#expressions.length === 0) return
    const rows = await database.query(`select ${this.#expressions.join(', ')} from ${from}`)
    this.#answers = rows[0] ?? []
  }
}
