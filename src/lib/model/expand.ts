import {fileVariable} from './secret-file.ts'
import type {ContainerSpec} from './server.ts'

/** What the program of a container gets when it starts; it may hold secrets. */
export interface ProgramInput {
  /** Each name once. */
  readonly env: readonly (readonly [name: string, value: string])[]
  /** The arguments, empty ones kept. */
  readonly command: readonly string[]
  /** The secrets that are files, by absolute path. */
  readonly files: readonly (readonly [path: string, value: SecretValue])[]
}

/** Text, or bytes that are none: only a file can hold those. */
export type SecretValue = string | Uint8Array

/**
 * Puts secrets where a container's specification refers to them. The environment starts with the
 * declared secrets under their variable names, or, for those that are files, with the paths of
 * these: their values are nowhere else. The entries follow, each able to refer to the
 * secrets and to the entries before it. Nothing else can be referred to (never this process's
 * environment); what is not known is the empty string, and a variable that comes out empty is left
 * out. A value that was put in is not expanded again.
 * @param spec see `bindServer`
 * @param secrets the values, by the name of the environment variable; those that the server does
 * not declare are ignored
 */
export function expandSecrets(
  spec: Pick<ContainerSpec, 'secrets' | 'env' | 'command' | 'isOneRun'>,
  secrets: ReadonlyMap<string, SecretValue>,
): ProgramInput {
  const known = new Map<string, string>()
  const files: [path: string, value: SecretValue][] = []
  for (const {env, file} of spec.secrets) {
    const value = secrets.get(env) ?? ''
    if (value.length === 0) continue
    if (file === undefined) {
      if (typeof value === 'string') known.set(env, value)
    } else {
      const [variable, path] = fileVariable(env, file)
      known.set(variable, path)
      files.push([path, value])
    }
  }
  for (const {name, value, expand} of spec.env) {
    const text = expand ? expandVariables(value, known) : value
    if (text !== '') known.set(name, text)
  }
  const {isOneRun = false} = spec
  const command = spec.command.map(text => (isOneRun ? text : expandVariables(text, known)))
  return {env: [...known], command, files}
}

/**
 * The secrets that `expandSecrets` can put into the arguments, also by way of a variable. Arguments are seen by
 * everybody who may list the processes of the engine's machine.
 * @returns their keys in the stores, each once
 */
export function secretsInCommand(
  spec: Pick<ContainerSpec, 'secrets' | 'env' | 'command' | 'isOneRun'>,
): readonly string[] {
  if (spec.isOneRun) return []
  const carried = new Map<string, readonly string[]>()
  for (const {name, env, file} of spec.secrets) {
    if (file === undefined) carried.set(env, [...(carried.get(env) ?? []), name])
  }
  const secretsOf = (text: string) => variablesIn(text).flatMap(name => carried.get(name) ?? [])
  for (const {name, value, expand} of spec.env) {
    // An entry that comes out empty leaves what was there before.
    if (expand) carried.set(name, [...(carried.get(name) ?? []), ...secretsOf(value)])
  }
  return [...new Set(spec.command.flatMap(secretsOf))]
}

const VARIABLE = /\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/gu

function expandVariables(text: string, known: ReadonlyMap<string, string>): string {
  return text.replace(VARIABLE, (_match, braced?: string, bare?: string) => {
    return known.get(braced ?? bare ?? '') ?? ''
  })
}

function variablesIn(text: string): readonly string[] {
  return [...text.matchAll(VARIABLE)].map(match => match[1] ?? match[2] ?? '')
}
