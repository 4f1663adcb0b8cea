// Every setting there is: its key, what it may hold, and where it may stand. Written by hand: a validator's package
// costs more at the start of each command than all of this.

import { nearest } from './did-you-mean.js'
import { isScope } from './run-result.js'

export type ConfigValue = string | number | boolean | readonly string[]

/** From weakest to strongest. */
export const layers = ['default', 'repository', 'local', 'user', 'environment', 'flags'] as const
export type Layer = (typeof layers)[number]

export interface Setting {
  /** The value as the setting keeps it; undefined where it does not fit. */
  readonly accept: (value: unknown) => ConfigValue | undefined
  /** For messages: "is not <expected>". */
  readonly expected: string
  /** Settings that decide about this machine stand in no file that a stranger may have written. */
  readonly notInRepository?: boolean
  /** What no file may hold, with what to do instead. The value itself is not to be shown. */
  readonly refuse?: (value: unknown) => { readonly problem: string; readonly hint: string } | undefined
}

const choice = (...values: readonly string[]): Setting => ({
  accept: value => values.find(known => known === value),
  expected: `one of ${values.join(', ')}`,
})

const flag: Setting = {
  accept: value => (typeof value === 'boolean' ? value : flagWords[String(value).toLowerCase()]),
  expected: 'true or false',
}
const flagWords: Readonly<Record<string, boolean>> = Object.assign(Object.create(null), {
  true: true,
  on: true,
  yes: true,
  1: true,
  false: false,
  off: false,
  no: false,
  0: false,
})

const text: Setting = {
  accept: value =>
    typeof value === 'string' && value !== '' && !/[\u0000-\u001f\u007f]/.test(value) ? value : undefined,
  expected: 'a text',
}

const count = (min: number, max: number): Setting => ({
  accept: value => {
    const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value
    return typeof number === 'number' && Number.isSafeInteger(number) && number >= min && number <= max
      ? number
      : undefined
  },
  expected: `a whole number from ${min} to ${max}`,
})

const bytes: Setting = { accept: value => parseBytes(value), expected: 'a size such as 10MB or 500KiB' }

const texts: Setting = {
  accept: value => {
    const list = typeof value === 'string' ? value.split(',').map(item => item.trim()) : value
    return Array.isArray(list) && list.every((item): item is string => text.accept(item) !== undefined)
      ? list
      : undefined
  },
  expected: 'a list of texts',
}

const factors: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
}

/** `10MB` is 10,000,000 and `10MiB` 10,485,760; a bare number is bytes. */
export function parseBytes(value: unknown): number | undefined {
  const parts = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(String(value))
  const factor = factors[parts?.[2]?.toUpperCase() ?? '?']
  if (parts === null || factor === undefined) return undefined
  const number = Math.round(Number(parts[1]) * factor)
  return Number.isSafeInteger(number) ? number : undefined
}

const settings: ReadonlyMap<string, Setting> = new Map(
  Object.entries({
    'core.fsync': choice('batch', 'full', 'off'),
    'core.jobs': count(1, 1024),
    'core.remote': text,
    'core.compression': choice('auto', 'off'),
    'git.autostage': flag,
    'git.maxFileSize': bytes,
    'git.largeFileExceptions': texts,
    'cache.dir': { ...text, notInRepository: true },
    'cache.link': choice('reflink', 'copy'),
    'hooks.fetch': flag,
    'registry.remote': text,
    'runs.scope': {
      accept: value => (typeof value === 'string' && isScope(value) ? value : undefined),
      expected: 'a word of lower-case letters, digits and -',
      notInRepository: true,
    },
    environment: choice('development', 'production'),
    trustedHosts: { ...texts, notInRepository: true },
  }),
)

/** Whatever stands between the scheme and an `@` behind a `:` may be a password. */
const warehouseUrl: Setting = {
  accept: value =>
    typeof value === 'string' && /^postgres(?:ql)?:\/\/[^\s]*$/.test(value) ? text.accept(value) : undefined,
  expected: 'a URL such as postgres://user@host:port/database',
  refuse: value =>
    /\/\/[^/?#@]*:.*@|[?&]password=/i.test(String(value))
      ? {
          problem: 'holds a password',
          hint: 'take it out, and set DDV_CONNECTION_<NAME>_PASSWORD or PGPASSWORD in the environment',
        }
      : undefined,
}

const storeSettings: Readonly<Record<string, Setting>> = {
  url: text,
  endpoint: text,
  region: text,
  profile: text,
  pathStyle: flag,
  allowHttp: { ...flag, notInRepository: true },
  connectTimeout: count(1, 86_400),
  idleTimeout: count(1, 86_400),
  requestTimeout: count(1, 86_400),
}

/** Sections of which each key is a name, with settings of its own below. */
const namedSections: ReadonlyMap<string, ReadonlyMap<string, Setting>> = new Map([
  ['remotes', new Map(Object.entries(storeSettings))],
  ['lakes', new Map(Object.entries({ ...storeSettings, root: text }))],
  [
    'connections',
    new Map(
      Object.entries({
        type: choice('duckdb', 'postgres', 'bigquery'),
        path: text,
        memory: bytes,
        url: warehouseUrl,
        project: text,
        dataset: text,
        location: text,
        endpoint: text,
        keyFile: { ...text, notInRepository: true },
      }),
    ),
  ],
])

/** A remote, a lake or a connection. */
export const isSettingsName = (name: string): boolean => /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name)

/** Whether the keys below this section are names that people give. */
export const isNamedSection = (section: string): boolean => namedSections.has(section)

/** The setting of a dotted key; undefined where there is none. */
export function findSetting(key: string): Setting | undefined {
  const [section = '', name = '', option = '', ...rest] = key.split('.')
  const named = namedSections.get(section)
  if (named === undefined) return settings.get(key)
  return rest.length === 0 && isSettingsName(name) ? named.get(option) : undefined
}

/** Whether keys may stand below this one. */
export function isSection(key: string): boolean {
  const [section = '', name, ...rest] = key.split('.')
  if (isNamedSection(section)) return name === undefined || (rest.length === 0 && isSettingsName(name))
  return [...settings.keys()].some(known => known.startsWith(`${key}.`))
}

/** The nearest key there is, for "did you mean". */
export function nearestKey(key: string): string | undefined {
  const [section = '', name, ...rest] = key.split('.')
  const named = namedSections.get(section)
  const known =
    named === undefined || name === undefined || rest.length === 0
      ? [...settings.keys(), ...sections()]
      : [...named.keys()].map(option => `${section}.${name}.${option}`)
  return nearest(key, known)
}

const sections = (): Set<string> =>
  new Set([
    ...namedSections.keys(),
    ...[...settings.keys()].filter(key => key.includes('.')).map(key => key.replace(/\..*/, '')),
  ])

/** For options of `ddv remote add`. */
export const remoteOptionNames = (): readonly string[] => Object.keys(storeSettings)

/** Key → variable of the environment: `DDV_CORE_FSYNC`, `DDV_GIT_MAX_FILE_SIZE`; `DDV_ENV` for `environment`. */
export const environmentNames: ReadonlyMap<string, string> = new Map(
  [...settings.keys()].map(key => [
    key,
    key === 'environment' ? 'DDV_ENV' : `DDV_${key.replace(/[A-Z]/g, '_$&').replace('.', '_').toUpperCase()}`,
  ]),
)
