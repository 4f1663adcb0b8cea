// Cuts what a program prints into lines, as it comes.

/** Bytes of a line that are held until its end comes; a longer one goes out in pieces. */
export const maxLine = 65_536

const newline = 0x0a

export interface LineCutter {
  /** Gives the part that is ready: whole lines with their ends, or a piece of one that is too long. May be empty. */
  push(bytes: Buffer): Buffer
  /** What came after the last line's end. */
  finish(): Buffer
}

export function createLineCutter(): LineCutter {
  let held = Buffer.alloc(0)
  return {
    push: bytes => {
      const all = held.length === 0 ? bytes : Buffer.concat([held, bytes])
      const end = all.lastIndexOf(newline) + 1
      const ready = all.length - end > maxLine ? all.length : end
      held = Buffer.from(all.subarray(ready)) // a copy: the pipe's buffer is used again
      return all.subarray(0, ready)
    },
    finish: () => {
      const rest = held
      held = Buffer.alloc(0)
      return rest
    },
  }
}

/** Each line without its end; what is longer than a line may be, in pieces. */
export function* linesIn(bytes: Buffer): Iterable<Buffer> {
  for (let start = 0; start < bytes.length; ) {
    const found = bytes.indexOf(newline, start)
    const end = found < 0 ? bytes.length : found
    yield bytes.subarray(start, Math.min(end, start + maxLine))
    for (let at = start + maxLine; at < end; at += maxLine) yield bytes.subarray(at, Math.min(end, at + maxLine))
    start = end + 1
  }
}
