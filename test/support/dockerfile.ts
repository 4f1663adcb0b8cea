// The steps of a Dockerfile, run in a bare directory that stands for the image: what it copies, sets and runs.

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from '../../lib/sys/spawn.js'

export interface Image {
  /** What stands for `/`. */
  readonly root: string
  /** What is copied from. */
  readonly context: string
  readonly arguments: Readonly<Record<string, string>>
  readonly env: Environment
  /** Steps that the machine has done already, such as installing ddv. */
  readonly done: (command: string) => boolean
}

export interface Step {
  readonly line: string
  readonly code: number
  readonly said: string
}

/** Each RUN, and the CMD at the end, as far as the first that fails. Throws for an instruction that it does not know. */
export function buildImage({ root, context, arguments: given, env, done }: Image): Step[] {
  const steps: Step[] = []
  const args: Record<string, string> = {}
  const set: Record<string, string> = {}
  let directory = root
  const run = (line: string, command: readonly string[]): boolean => {
    const [program = '', ...rest] = command
    const result = spawnSync(program, rest, { cwd: directory, env: { ...env, ...args, ...set }, encoding: 'utf8' })
    steps.push({ line, code: result.status ?? -1, said: `${result.stdout}${result.stderr}` })
    return result.status === 0
  }
  for (const line of linesOf(readFileSync(join(context, 'Dockerfile'), 'utf8'))) {
    const [, instruction = '', text = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? []
    const command = text.replace(/^(--\S+ )+/, '')
    if (instruction === 'WORKDIR') {
      directory = join(root, text)
      mkdirSync(directory, { recursive: true })
    } else if (instruction === 'COPY') cpSync(context, directory, { recursive: true })
    else if (instruction === 'ARG') args[text] = given[text] ?? ''
    else if (instruction === 'ENV')
      for (const [, name = '', value = ''] of text.matchAll(/(\w+)=(\S+)/g))
        set[name] = value.replace(/\$(\w+)/g, (_, variable: string) => args[variable] ?? '')
    else if (instruction === 'RUN') {
      if (!done(command) && !run(line, ['sh', '-c', command])) return steps
    } else if (instruction === 'CMD') run(line, JSON.parse(text) as string[])
    else if (instruction !== 'FROM' && instruction !== 'USER') throw new Error(`unknown instruction: ${line}`)
  }
  return steps
}

const linesOf = (text: string): string[] =>
  text
    .replace(/\\\n/g, '')
    .split('\n')
    .filter(line => line.trim() !== '' && !line.startsWith('#'))
