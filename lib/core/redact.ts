// The one place where credentials are taken out of text that a person or a log may see: messages of stores, of the
// AWS SDK, and URLs. It is for the shapes that secrets have in such texts; ddv itself never puts one into a message.

import { displayPath } from './tree-path.js'

const hidden = '***'

const patterns: readonly (readonly [RegExp, string])[] = [
  // user:password@ and token@ in URLs; a password may hold `@`, and what should have been escaped
  [/([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@:]*:(?!\d*(?:[\s/?#]|$))\S*@/gi, `$1${hidden}@`],
  [/([a-z][a-z0-9+.-]*:\/\/)[^\s/?#]*@/gi, `$1${hidden}@`],
  // user:password@host:path
  [/(?<![\w:/.-])[\w.-]+:[^\s@/]+@(?=[\w.-]+:)/g, `${hidden}@`],
  // Access key ids of AWS: long-lived, of a session, of roles and users
  [/\b(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z0-9]{12,}\b/g, hidden],
  // Pre-signed URLs and Authorization headers
  [
    /(X-Amz-(?:Signature|Credential|Security-Token)|Signature|Credential|AWSAccessKeyId)(=|%3D)[^\s&,"'<>]+/gi,
    `$1$2${hidden}`,
  ],
  [/(authorization["']?\s*[:=]\s*["']?)[^"'\r\n]+/gi, `$1${hidden}`],
  [/\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}/gi, `$1 ${hidden}`],
  // name=value and "name": "value", as in credential files, their JSON, and the XML of a store's error. A URL is none.
  [
    /([\w-]*(?:token|secret|password|passwd|(?:access|api)[-_ ]?key)[\w-]*)(["']?\s*[:=]\s*["']?|>)(?![a-z0-9]+:\/\/)[^\s"'<&,;]+/gi,
    `$1$2${hidden}`,
  ],
]

/** More of a text is not looked at, and not shown: the patterns are tried at every place of it. */
const maxText = 10_000

/** The text without what looks like a credential. */
export const redact = (text: string): string =>
  patterns.reduce((redacted, [pattern, replacement]) => redacted.replace(pattern, replacement), text.slice(0, maxText))

/** For text of strangers in messages: redacted, in one line, without control characters, not long. */
export const redactLine = (text: string): string => {
  const line = displayPath(redact(text).replace(/\s+/g, ' ').trim())
  return line.length > 200 ? `${line.slice(0, 200)}…` : line
}

/** For `cause`: an error's name, and its message and stack, redacted. SDK errors carry whole answers of the store with them. */
export function redactError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(redactLine(String(error)))
  const redacted = new Error(redactLine(error.message))
  redacted.name = error.name
  redacted.stack = redact(error.stack ?? '')
  return redacted
}
