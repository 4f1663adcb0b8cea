// Stages of one run work side by side, and some of what they do must not: they would meet at the workspace's lock, whose
// patience is for other processes.

/** A class because it remembers who came last. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /** One after the other, in the order of the calls. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}
