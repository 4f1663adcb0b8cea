// Colour, where it is wanted: on a terminal, unless NO_COLOR or --color say otherwise.

import type { Io, Output } from './io.js'

export interface Style {
  red(text: string): string
  green(text: string): string
  yellow(text: string): string
  bold(text: string): string
  dim(text: string): string
}

export type ColorChoice = 'auto' | 'always' | 'never'

const wrap =
  (on: number, off: number) =>
  (text: string): string =>
    `\u001b[${on}m${text}\u001b[${off}m`

const colored: Style = {
  red: wrap(31, 39),
  green: wrap(32, 39),
  yellow: wrap(33, 39),
  bold: wrap(1, 22),
  dim: wrap(2, 22),
}

const same = (text: string): string => text
export const plainStyle: Style = { red: same, green: same, yellow: same, bold: same, dim: same }

export function chooseStyle(choice: ColorChoice, output: Output, env: Io['env']): Style {
  if (choice === 'always') return colored
  const wanted = output.isTerminal && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb'
  return choice === 'auto' && wanted ? colored : plainStyle
}
