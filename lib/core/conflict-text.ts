// How a conflict stands in a pointer or a lock: both versions whole, between the markers that git uses, so that every
// reader refuses the file and a person sees what it is about. git's index keeps the versions themselves.

/** Ends in a newline. */
export function conflictText(ours: string, theirs: string): string {
  return `<<<<<<< ours\n${ended(ours)}=======\n${ended(theirs)}>>>>>>> theirs\n`
}

const ended = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`)

export const hasConflictMarkers = (text: string): boolean => /^(<{7}|={7}|>{7})/m.test(text)
