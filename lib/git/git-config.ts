// The few values of git's configuration that ddv needs, read without a program: `remote.origin.url`, `core.worktree`,
// `core.bare` and the `extensions` that tell which repositories isomorphic-git cannot read. Includes are not followed.

/**
 * Section and key in lower case, subsection as written: `remote.origin.url`. Of a key that comes twice, the last counts.
 * Never throws: a line that is no git configuration is passed over.
 */
export function decodeGitConfig(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  let section = ''
  for (const line of joinContinued(text)) {
    const header = /^\s*\[\s*([A-Za-z0-9.-]+)\s*(?:"((?:[^"\\]|\\.)*)")?\s*\](.*)$/.exec(line)
    const rest = header === null ? line : (header[3] ?? '')
    if (header !== null) {
      const subsection = header[2]?.replace(/\\(.)/g, '$1')
      section = (header[1] ?? '').toLowerCase() + (subsection === undefined ? '' : `.${subsection}`)
    }
    const pair = /^\s*([A-Za-z][A-Za-z0-9-]*)\s*(?:=(.*))?$/.exec(rest)
    if (pair !== null) values.set(`${section}.${(pair[1] ?? '').toLowerCase()}`, decodeValue(pair[2]))
  }
  return values
}

const joinContinued = (text: string): string[] => text.replaceAll('\r\n', '\n').replace(/\\\n/g, '').split('\n')

/** A key without `=` means true. Quotes may open and close anywhere; `#` and `;` outside of them start a comment. */
function decodeValue(text: string | undefined): string {
  if (text === undefined) return 'true'
  let value = ''
  let kept = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i)
    if (c === '"') quoted = !quoted
    else if (c === '\\') value += unescaped(text.charAt(++i))
    else if (!quoted && (c === '#' || c === ';')) break
    else if (value !== '' || quoted || !/\s/.test(c)) value += c
    if (quoted || !/\s/.test(c)) kept = value.length
  }
  return value.slice(0, kept)
}

const unescaped = (c: string): string => (c === 'n' ? '\n' : c === 't' ? '\t' : c === 'b' ? '\b' : c)
