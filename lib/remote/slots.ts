// Letting so many of one kind of work run at once and no more; the others wait in turn.

export type Slots = <T>(act: () => Promise<T>) => Promise<T>

export function openSlots(size: number): Slots {
  const waiting: (() => void)[] = []
  let free = size
  return async act => {
    if (free > 0) free--
    else await new Promise<void>(resolve => waiting.push(resolve))
    try {
      return await act()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free++
      else next() // the slot goes from hand to hand: nobody who comes now is before it
    }
  }
}
