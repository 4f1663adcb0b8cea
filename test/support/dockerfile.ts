// The steps of a Dockerfile, run in bare directories that stand for its images: what it copies, sets and runs.

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Environment } from '../../lib/sys/spawn.js'

export interface Image {
  /** What stands for `/` of the last stage; others have a directory of their own beside it, `<root>-<name>`. */
  readonly root: string
  /** What is copied from. */
  readonly context: string
  /** Below the context; `Dockerfile` unless told. */
  readonly file?: string
  readonly arguments: Readonly<Record<string, string>>
  readonly env: Environment
  /** Steps that the machine has done already, such as installing ddv. */
  readonly done: (command: string) => boolean
  /** False: the CMD is not run, as where it serves. */
  readonly start?: boolean
}

export interface Step {
  readonly line: string
  readonly code: number
  readonly said: string
}

interface Stage {
  readonly root: string
  readonly args: Record<string, string>
  readonly set: Record<string, string>
  directory: string
}

/** Each RUN, and the CMD at the end, as far as the first that fails. Throws for an instruction that it does not know. */
export function buildImage(image: Image): Step[] {
  const steps: Step[] = []
  const lines = linesOf(readFileSync(join(image.context, image.file ?? 'Dockerfile'), 'utf8'))
  let stage = openStage(image.root)
  for (const line of lines) {
    const [, instruction = '', text = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? []
    const [flags, rest] = withoutFlags(text)
    if (instruction === 'FROM') stage = openStage(rootOf(image, / AS (\S+)$/.exec(text)?.[1]))
    else if (instruction === 'WORKDIR') {
      stage.directory = join(stage.root, text)
      mkdirSync(stage.directory, { recursive: true })
    } else if (instruction === 'COPY') copy(image, stage, { words: rest.split(' '), from: flags.get('from') })
    else if (instruction === 'ARG') stage.args[text] = image.arguments[text] ?? ''
    else if (instruction === 'ENV') setVariables(image, stage, text)
    else if (instruction === 'RUN') {
      if (image.done(rest)) continue
      steps.push(runStep(image, stage, { line, command: ['sh', '-c', rest] }))
      if (steps.at(-1)?.code !== 0) return steps
    } else if (instruction === 'CMD') {
      if (image.start !== false) steps.push(runStep(image, stage, { line, command: JSON.parse(text) as string[] }))
    } else if (instruction !== 'USER' && instruction !== 'EXPOSE') throw new Error(`unknown instruction: ${line}`)
  }
  return steps
}

const rootOf = ({ root }: Image, name: string | undefined): string => (name === undefined ? root : `${root}-${name}`)

function openStage(root: string): Stage {
  mkdirSync(root, { recursive: true })
  return { root, args: {}, set: {}, directory: root }
}

function withoutFlags(text: string): readonly [ReadonlyMap<string, string>, string] {
  const rest = text.replace(/^(--\S+ )+/, '')
  const flags = text.slice(0, text.length - rest.length).matchAll(/--([a-z]+)=(\S+)/g)
  return [new Map([...flags].map(([, name = '', value = '']) => [name, value])), rest]
}

interface Copying {
  readonly words: readonly string[]
  /** The stage that it copies from, in place of the context. */
  readonly from: string | undefined
}

// A directory is copied as what it holds, as Docker does.
function copy(image: Image, { directory }: Stage, { words, from }: Copying): void {
  const base = from === undefined ? image.context : rootOf(image, from)
  const target = join(directory, words.at(-1) ?? '.')
  for (const word of words.slice(0, -1)) {
    const source = join(base, word)
    if (statSync(source).isDirectory()) cpSync(source, target, { recursive: true })
    else cpSync(source, words.at(-1)?.endsWith('/') ? join(target, basename(word)) : target)
  }
}

function setVariables({ env }: Image, { args, set }: Stage, text: string): void {
  for (const [, name = '', value = ''] of text.matchAll(/(\w+)=(\S+)/g))
    set[name] = value.replace(/\$(\w+)/g, (_, known: string) => set[known] ?? args[known] ?? env[known] ?? '')
}

interface Running {
  readonly line: string
  readonly command: readonly string[]
}

function runStep({ env }: Image, { directory, args, set }: Stage, { line, command }: Running): Step {
  const [program = '', ...rest] = command
  const result = spawnSync(program, rest, { cwd: directory, env: { ...env, ...args, ...set }, encoding: 'utf8' })
  return { line, code: result.status ?? -1, said: `${result.stdout}${result.stderr}` }
}

const linesOf = (text: string): string[] =>
  text
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n/g, '')
    .split('\n')
    .filter(line => line.trim() !== '')
