// Configuration: layers of settings, each read from one text, the stronger over the weaker. Text in, values out; where
// the files are is for ops/config-files.ts to know.

import {
  type ConfigValue,
  environmentNames,
  findSetting,
  isNamedSection,
  isSection,
  isSettingsName,
  type Layer,
  nearestKey,
} from './config-schema.js'
import { DdvError } from './errors.js'
import { mainScope } from './run-result.js'
import { isYamlMap, type YamlMap, type YamlValue } from './simple-yaml.js'
import { displayPath } from './tree-path.js'
import { decodeYamlMap, setInYaml } from './yaml-text.js'

export interface ConfigEntry {
  /** Dotted: `core.fsync`, `remotes.origin.url`. */
  readonly key: string
  readonly value: ConfigValue
  readonly layer: Layer
  /** The file, or the variable of the environment; '' for defaults and flags. */
  readonly source: string
  /** Counted from 1; 0 where there is none. */
  readonly line: number
}

/** What one layer says, by key. */
export type ConfigLayer = ReadonlyMap<string, ConfigEntry>

/** One remote as configured. Which layer named its host decides what may be sent there: see `entries`. */
export interface RemoteSettings {
  readonly url: string
  readonly endpoint?: string
  readonly region?: string
  readonly profile?: string
  readonly pathStyle?: boolean
  readonly allowHttp?: boolean
  /** Seconds, all three. */
  readonly connectTimeout?: number
  readonly idleTimeout?: number
  readonly requestTimeout?: number
}

/** A data lake: a remote's settings, for plain files that other programs read. */
export interface LakeSettings extends RemoteSettings {
  /** The directory of the workspace whose tree the lake has; `data` unless told. */
  readonly root?: string
}

/** A warehouse. Credentials are no settings: they come from the environment. */
export interface ConnectionSettings {
  readonly type: 'duckdb' | 'postgres' | 'bigquery'
  /** DuckDB's file, absolute or relative to the workspace; without one it is in memory. */
  readonly path?: string
  /** Bytes that DuckDB may use; 512 MB unless told. */
  readonly memory?: number
  /** PostgreSQL's `postgres://user@host:port/database`. */
  readonly url?: string
  /** BigQuery's. */
  readonly project?: string
  readonly dataset?: string
  readonly location?: string
  readonly endpoint?: string
  readonly keyFile?: string
}

export interface Config {
  readonly core: {
    readonly fsync: 'batch' | 'full' | 'off'
    /** undefined: as many as there are cores. */
    readonly jobs: number | undefined
    /** The default remote's name. */
    readonly remote: string | undefined
    readonly compression: 'auto' | 'off'
  }
  readonly git: {
    readonly autostage: boolean
    /** Bytes. */
    readonly maxFileSize: number
    readonly largeFileExceptions: readonly string[]
  }
  readonly cache: {
    /** undefined: the workspace's own. */
    readonly dir: string | undefined
    readonly link: 'reflink' | 'copy'
  }
  readonly hooks: { readonly fetch: boolean }
  /** Under which name results of runs are kept, and read beside those of everybody. */
  readonly runs: { readonly scope: string }
  readonly environment: 'development' | 'production'
  /** Hosts of endpoints, with port where it is not the usual one, that may be sent session tokens. */
  readonly trustedHosts: readonly string[]
  readonly remotes: ReadonlyMap<string, RemoteSettings>
  readonly lakes: ReadonlyMap<string, LakeSettings>
  readonly connections: ReadonlyMap<string, ConnectionSettings>
  readonly registry: {
    /** Where models are registered; undefined: the default remote. */
    readonly remote: string | undefined
  }
  /** Every key that has a value, with where it comes from; sorted. */
  readonly entries: ConfigLayer
}

const defaults: Readonly<Record<string, ConfigValue>> = {
  'core.fsync': 'batch',
  'core.compression': 'auto',
  'git.autostage': true,
  'git.maxFileSize': 10_000_000,
  'git.largeFileExceptions': [],
  'cache.link': 'reflink',
  'hooks.fetch': false,
  'runs.scope': mainScope,
  environment: 'development',
  trustedHosts: [],
}

export const defaultLayer: ConfigLayer = new Map(
  Object.entries(defaults).map(([key, value]) => [key, { key, value, layer: 'default', source: '', line: 0 }]),
)

/** Reads one file of settings. Throws `bad-config` naming file and line, and the nearest key for an unknown one. */
export async function decodeConfig(text: string, file: string, layer: Layer): Promise<ConfigLayer> {
  const entries = new Map<string, ConfigEntry>()
  const visit = (map: YamlMap, prefix: string): void => {
    for (const { key: name, value, line } of map.entries) {
      const key = prefix + name
      const where = { source: file, line, layer }
      if (name.includes('.'))
        throw badConfig(`unknown key '${displayPath(name)}'`, where, { hint: 'write it as nested maps' })
      if (isSection(key)) {
        if (isYamlMap(value)) visit(value, `${key}.`)
        else if (value !== null) throw badConfig(`'${key}' is a section and has no value of its own`, where)
      } else entries.set(key, decodeEntry(key, plain(value), where))
    }
  }
  visit(await decodeYamlMap(text, file), '')
  return entries
}

type Where = Pick<ConfigEntry, 'source' | 'line' | 'layer'>

function decodeEntry(key: string, value: unknown, where: Where): ConfigEntry {
  const setting = findSetting(key)
  if (setting === undefined) throw unknownKey(key, where)
  if (setting.notInRepository === true && where.layer === 'repository')
    throw badConfig(`'${key}' may not be set for everybody who uses the repository`, where, {
      hint: `set it for this clone: ddv config set --local ${key} …`,
    })
  const refused = setting.refuse?.(value)
  if (refused !== undefined) throw badConfig(`'${key}' ${refused.problem}`, where, { hint: refused.hint })
  const accepted = setting.accept(value)
  if (accepted === undefined) throw badConfig(`'${key}' is not ${setting.expected}`, where)
  return { key, value: accepted, ...where }
}

const plain = (value: YamlValue): unknown => (Array.isArray(value) ? value.map(plain) : value)

function unknownKey(key: string, where: Where): DdvError {
  const [section = '', name] = key.split('.')
  if (isNamedSection(section) && name !== undefined && !isSettingsName(name))
    return badConfig(`'${displayPath(name)}' is no name for a ${section.slice(0, -1)}`, where, {
      hint: 'letters, digits, - and _, beginning with a letter or digit',
    })
  const guess = nearestKey(key)
  return badConfig(
    `unknown key '${displayPath(key)}'`,
    where,
    guess === undefined ? { hint: `'ddv config list' shows the keys` } : { hint: `did you mean '${guess}'?` },
  )
}

function badConfig(problem: string, { source, line }: Where, details: { hint?: string } = {}): DdvError {
  const place = source === '' ? '' : `: ${source}${line === 0 ? '' : `:${line}`}`
  return new DdvError('bad-config', `configuration: ${problem}${place}`, details)
}

/** What `DDV_*` variables say. An empty one is not set; unknown ones are other programs' or other parts' of ddv. */
export function environmentLayer(env: Readonly<Record<string, string | undefined>>): ConfigLayer {
  const entries = new Map<string, ConfigEntry>()
  for (const [key, name] of environmentNames) {
    const text = env[name]
    if (text !== undefined && text !== '')
      entries.set(key, decodeEntry(key, text, { source: name, line: 0, layer: 'environment' }))
  }
  return entries
}

/** What flags say, by dotted key; undefined is not said. Throws `usage`. */
export function flagLayer(flags: Readonly<Record<string, ConfigValue | undefined>>): ConfigLayer {
  const entries = new Map<string, ConfigEntry>()
  for (const [key, given] of Object.entries(flags)) {
    if (given === undefined) continue
    const value = parseSetting(key, given)
    entries.set(key, { key, value, layer: 'flags', source: '', line: 0 })
  }
  return entries
}

/** The layers from weakest to strongest, as one; the defaults are below all of them. */
export function mergeConfig(...given: readonly ConfigLayer[]): Config {
  const merged = new Map<string, ConfigEntry>()
  for (const layer of [defaultLayer, ...given]) for (const [key, entry] of layer) merged.set(key, entry)
  const entries = new Map([...merged].sort(([a], [b]) => (a < b ? -1 : 1)))
  return toConfig(entries)
}

// The schema has checked every value, so each has the type that its key promises.
function toConfig(entries: ConfigLayer): Config {
  const value = <T extends ConfigValue | undefined>(key: string): T => entries.get(key)?.value as T
  return {
    core: {
      fsync: value('core.fsync'),
      jobs: value('core.jobs'),
      remote: value('core.remote'),
      compression: value('core.compression'),
    },
    git: {
      autostage: value('git.autostage'),
      maxFileSize: value('git.maxFileSize'),
      largeFileExceptions: value('git.largeFileExceptions'),
    },
    cache: { dir: value('cache.dir'), link: value('cache.link') },
    hooks: { fetch: value('hooks.fetch') },
    runs: { scope: value('runs.scope') },
    environment: value('environment'),
    trustedHosts: value('trustedHosts'),
    remotes: namedOf<RemoteSettings>(entries, 'remotes', 'url'),
    lakes: namedOf<LakeSettings>(entries, 'lakes', 'url'),
    connections: namedOf<ConnectionSettings>(entries, 'connections', 'type'),
    registry: { remote: value('registry.remote') },
    entries,
  }
}

// One without the option that makes it adds to one that another layer no longer has; `entries` alone shows it.
function namedOf<T>(entries: ConfigLayer, section: string, required: string): ReadonlyMap<string, T> {
  const found = new Map<string, Record<string, ConfigValue>>()
  for (const { key, value } of entries.values()) {
    const [at, name, option] = key.split('.')
    if (at !== section || name === undefined || option === undefined) continue
    found.set(name, { ...found.get(name), [option]: value })
  }
  return new Map([...found].filter(([, one]) => one[required] !== undefined).map(([name, one]) => [name, one as T]))
}

/** The value of a setting as typed on the command line. Throws `usage`. */
export function parseSetting(key: string, given: ConfigValue): ConfigValue {
  const setting = findSetting(key)
  if (setting === undefined) throw asUsage(unknownKey(key, { source: '', line: 0, layer: 'flags' }))
  const refused = setting.refuse?.(given)
  if (refused !== undefined) throw new DdvError('usage', `'${key}' ${refused.problem}`, { hint: refused.hint })
  const value = setting.accept(given)
  if (value === undefined)
    throw new DdvError('usage', `'${key}' is not ${setting.expected}: ${displayPath(String(given))}`)
  return value
}

/** Throws `usage` for a key that there is not, with the nearest that there is. */
export function checkKey(key: string): void {
  if (findSetting(key) === undefined) throw asUsage(unknownKey(key, { source: '', line: 0, layer: 'flags' }))
}

const asUsage = ({ message, hint }: DdvError): DdvError =>
  new DdvError('usage', message.replace(/^configuration: /, ''), hint === undefined ? {} : { hint })

export interface SetOptions {
  /** For messages. */
  readonly file: string
  readonly layer: Layer
}

/** The text with this setting in it, or without it where the value is undefined. Comments and order stay. */
export async function setInConfig(
  text: string,
  key: string,
  { value, file, layer }: SetOptions & { readonly value: ConfigValue | undefined },
): Promise<string> {
  if (value !== undefined) decodeEntry(key, value, { source: file, line: 0, layer })
  return setInYaml(text, key.split('.'), { value, file })
}
