import {dirname, join, resolve} from 'node:path'
import {PluginError} from '../base/errors.ts'
import type {GatewayFile} from '../model/gateway-file.ts'
import {readTextFile} from './atomic.ts'
import {homeDir} from './paths.ts'
import {parseYamlMap, yamlPlaces, type Place} from './yaml.ts'

/** Something that is wrong in the gateway's own file. */
export interface GatewayFileProblem extends Place {
  /** Such as `timeouts.call`. */
  readonly key: string
  readonly reason: string
}

interface ReadOptions {
  /** Whether a person named the file, which must exist then; the default one need not. */
  readonly isNamed: boolean
  /** Tells what `~/` is. */
  readonly env?: NodeJS.ProcessEnv
}

/**
 * Reads the gateway's own configuration. Files that it names count from its own folder, and are absolute in the answer.
 * @throws PluginError FILE_MISSING; FILE_INVALID with a line for everything that is wrong: `file:line:column`, the key
 *   and the reason; FILE_DENIED
 */
export async function readGatewayFile(
  file: string,
  options: ReadOptions = {isNamed: false},
): Promise<GatewayFile> {
  return dataOf(file, await inspectGatewayFile(file, options))
}

/**
 * Reads the text of a gateway's own configuration.
 * @param file what to call it in errors
 * @throws PluginError FILE_INVALID, as {@link readGatewayFile}
 */
export async function readGatewayText(text: string, file: string): Promise<GatewayFile> {
  return dataOf(file, await inspectText(text, file, {}))
}

type Inspected = {data: GatewayFile} | {problems: readonly GatewayFileProblem[]}

function dataOf(file: string, read: Inspected): GatewayFile {
  if ('data' in read) return read.data
  throw new PluginError('FILE_INVALID', problemLines(file, read.problems), {
    hint: 'correct the file at that place; see what it can hold: docker mcp gateway config schema',
  })
}

/**
 * Reads the gateway's own configuration and tells everything that is wrong with it.
 * @throws PluginError FILE_MISSING; FILE_INVALID for what is no YAML at all; FILE_DENIED
 */
export async function inspectGatewayFile(
  file: string,
  {isNamed, env = {}}: ReadOptions,
): Promise<Inspected> {
  const text = await readTextFile(file)
  if (text === undefined && isNamed) {
    throw new PluginError('FILE_MISSING', `${file} does not exist`, {
      hint: 'name a file that exists, or leave --gateway-config out',
    })
  }
  return inspectText(text ?? '', file, env)
}

async function inspectText(text: string, file: string, env: NodeJS.ProcessEnv): Promise<Inspected> {
  if (text.trim() === '') return {data: {}}
  const value = parseYamlMap(text, file)
  // The schema is heavy, and most users have no such file.
  const {checkGatewayFile} = await import('../model/gateway-file-check.ts')
  const checked = checkGatewayFile(value)
  if ('data' in checked) return {data: withPlaces(checked.data, {dir: dirname(file), env})}
  const placeOf = yamlPlaces(text)
  const problems = checked.faults.slice(0, MOST_PROBLEMS).map(({path, reason}) => {
    return {...placeOf(path), key: path.join('.'), reason}
  })
  return {problems: problems.toSorted((a, b) => a.line - b.line || a.column - b.column)}
}

/** A file with more is no gateway file; finding each place takes its time. */
const MOST_PROBLEMS = 100
/** More than a person mends at once. */
const MOST_LINES = 20

function problemLines(file: string, problems: readonly GatewayFileProblem[]): string {
  const lines = problems.slice(0, MOST_LINES).map(problem => problemLine(file, problem))
  return [...lines, ...(lines.length < problems.length ? ['and more'] : [])].join('\n')
}

/** A problem as a person reads it, on one line. */
export function problemLine(file: string, problem: GatewayFileProblem): string {
  const {line, column, key, reason} = problem
  // Keys are whatever somebody wrote.
  const visible = key.replaceAll(/[\p{Cc}\p{Cf}]/gu, '�').slice(0, 200)
  return `${file}:${line}:${column}: “${visible}” ${reason}`
}

function withPlaces(data: GatewayFile, from: {dir: string; env: NodeJS.ProcessEnv}): GatewayFile {
  const {tls, network, encryptionKeyFile} = data
  const placed = (path: string) => locate(path, from)
  return {
    ...data,
    ...(tls && {tls: {cert: placed(tls.cert), key: placed(tls.key)}}),
    ...(network?.caFile !== undefined && {network: {...network, caFile: placed(network.caFile)}}),
    ...(encryptionKeyFile !== undefined && {encryptionKeyFile: placed(encryptionKeyFile)}),
  }
}

function locate(path: string, {dir, env}: {dir: string; env: NodeJS.ProcessEnv}): string {
  return /^~[/\\]/.test(path) ? join(homeDir(env), path.slice(2)) : resolve(dir, path)
}
