// Stands in for the package `string-width` in the bundle. That one knows the width of every emoji, by regular
// expressions that cost 15 ms at each start; yargs asks it for the width of help texts, which are ours and ASCII.

export default function textWidth(text: string): number {
  return [...text.replace(/\u001b\[[0-9;]*m/g, '')].length
}
