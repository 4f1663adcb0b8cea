// The nearest known name to a mistyped one.

/** undefined where nothing is near: at most a third of the letters, and at most three, may differ. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  let distance = Math.min(3, Math.floor(name.length / 3) + 1)
  for (const candidate of known) {
    const d = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (d < distance || (d === distance && best === undefined)) {
      best = candidate
      distance = d
    }
  }
  return best
}

/** Damerau's distance in its simple form: insert, delete, replace, swap neighbours. */
export function editDistance(a: string, b: string): number {
  if (a.length > 64 || b.length > 64) return Math.max(a.length, b.length)
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let d = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) d = Math.min(d, (before[j - 2] ?? 0) + 1)
      row.push(d)
    }
    before = above
    above = row
  }
  return above[b.length] ?? 0
}
