// Tables in Markdown. Cells come from data and from names, so that nothing in them may end a cell or become markup.

/** Rows under a head; `right` tells which columns are numbers. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`
  const rule = head.map((_, i) => (right.includes(i) ? '---:' : '---'))
  return line(head) + line(rule) + rows.map(row => line(row.map(escapeMarkdown))).join('')
}

/** As text that shows just these characters; control characters must be escaped by now. */
export const escapeMarkdown = (text: string): string => text.replace(/[\\`*_[\]<>|~&]/g, '\\$&')
