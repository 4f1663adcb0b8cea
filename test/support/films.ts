// The films of `vega-datasets`: real data, with its gaps and oddities.

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

export type Film = Readonly<Record<string, string | number | null>>

export function csvText(films: readonly Film[]): string {
  const columns = Object.keys(films[0] ?? {})
  const cell = (value: Film[string] | undefined): string => {
    const text = value === null || value === undefined ? '' : String(value)
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  }
  return `${[columns, ...films.map(film => columns.map(column => film[column]))].map(row => row.map(cell).join(',')).join('\n')}\n`
}

// The package exports its code alone; its data files lie beside it.
const filmsFile = resolve(import.meta.dirname, '../../../node_modules/vega-datasets/data/movies.json')

export const readFilms = (): readonly Film[] => JSON.parse(readFileSync(filmsFile, 'utf8')) as readonly Film[]
