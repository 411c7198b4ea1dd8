import {join} from 'node:path'
import * as z from 'zod'
import {messageOf, PluginError} from '../base/errors.ts'
import {readTextFile} from '../files/atomic.ts'
import {askHelper} from './credential-helper.ts'

/** How a user is known to a registry. A secret: for headers to that registry, never for a log or an error. */
export type RegistryAuth =
  | {readonly username: string; readonly password: string}
  /** What a registry gave at the login, to get tokens with (OAuth2 refresh token). */
  | {readonly identityToken: string}

/** Where docker keeps logins. */
export interface CredentialsInput {
  readonly dockerConfigDir: string
  readonly env: NodeJS.ProcessEnv
}

/** Tells the login of a registry, given by its host and port; undefined when there is none. */
export type Credentials = (
  registry: string,
  signal?: AbortSignal,
) => Promise<RegistryAuth | undefined>

/** As docker keeps the login of Docker Hub, whatever host serves it. */
const HUB_KEY = 'https://index.docker.io/v1/'
const HUB_HOSTS = new Set(['docker.io', 'index.docker.io'])

/**
 * Finds the login that `docker login` has left for a registry: in `DOCKER_AUTH_CONFIG`, then in what the registry's
 * own helper program (`credHelpers`) or that for all registries (`credsStore`) keeps, else in `auths` of docker's
 * config.json. Read anew each time, since a login may happen while a gateway runs. (docker/cli, `cli/config`.)
 * @param registry host and port, such as `docker.io` or `localhost:5000`
 * @returns undefined when there is no login, or no helper program, so that public images can be had
 * @throws PluginError CREDENTIALS_FAILED, FILE_DENIED, FILE_INVALID; never with a secret. The signal's reason
 */
export async function registryAuth(
  registry: string,
  {dockerConfigDir, env}: CredentialsInput,
  signal?: AbortSignal,
): Promise<RegistryAuth | undefined> {
  const given = env['DOCKER_AUTH_CONFIG']
  const fromVariable = given ? parseConfig(given, 'DOCKER_AUTH_CONFIG') : {}
  const found = entryOf(registry, fromVariable, 'DOCKER_AUTH_CONFIG')
  if (found) return found
  const path = join(dockerConfigDir, 'config.json')
  const text = await readTextFile(path)
  if (text === undefined || text.trim() === '') return undefined
  const config = parseConfig(text, path)
  const helper = helperOf(registry, config)
  return helper
    ? askHelper(helper, {server: keyOf(registry), env, signal})
    : entryOf(registry, config, path)
}

/** Tells logins as {@link registryAuth} finds them. */
export function dockerCredentials(input: CredentialsInput): Credentials {
  return (registry, signal) => registryAuth(registry, input, signal)
}

/**
 * A login as the Engine API takes it in `X-Registry-Auth`: JSON in base64 for URLs, with its padding.
 * @param registry the one that the login is for
 */
export function engineAuth(auth: RegistryAuth, registry: string): string {
  const login =
    'identityToken' in auth
      ? {identitytoken: auth.identityToken}
      : {username: auth.username, password: auth.password}
  const json = JSON.stringify({...login, serveraddress: keyOf(registry)})
  return Buffer.from(json).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
}

const ENTRY = z.looseObject({
  auth: z.string().nullish(),
  username: z.string().nullish(),
  password: z.string().nullish(),
  identitytoken: z.string().nullish(),
})

const CONFIG = z.looseObject({
  auths: z.record(z.string(), ENTRY.nullable()).nullish(),
  credHelpers: z.record(z.string(), z.string()).nullish(),
  credsStore: z.string().nullish(),
})

type Config = z.infer<typeof CONFIG>

function parseConfig(text: string, where: string): Config {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    // The parser's own message quotes what it reads, which holds passwords: only the place is told.
    const [place = ''] = /\(line \d+ column \d+\)/u.exec(messageOf(error)) ?? []
    throw invalid(where, `is not JSON ${place}`.trimEnd())
  }
  const parsed = CONFIG.safeParse(json)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw invalid(where, `is not as docker writes it: ${issue?.path.join('.') || 'the whole'}`)
}

function helperOf(registry: string, {credHelpers, credsStore}: Config): string | undefined {
  const own = Object.entries(credHelpers ?? {}).find(([host]) => isOf(registry, host))
  // One without a name is docker's way to say that this registry has no helper.
  return (own ? own[1] : credsStore) || undefined
}

function entryOf(registry: string, {auths}: Config, where: string): RegistryAuth | undefined {
  const entries = Object.entries(auths ?? {})
  const [key, entry] =
    entries.find(([name]) => name === keyOf(registry)) ??
    entries.find(([name]) => isOf(registry, hostOf(name))) ??
    []
  if (key === undefined || !entry) return undefined
  if (entry.identitytoken) return {identityToken: entry.identitytoken}
  if (entry.auth) return decoded(entry.auth, `${where}: the login of ${key}`)
  const {username, password} = entry
  return username && password ? {username, password} : undefined
}

/** `user:password` in base64. */
function decoded(auth: string, what: string): RegistryAuth {
  const text = Buffer.from(auth, 'base64').toString()
  const colon = text.indexOf(':')
  if (colon < 1) throw invalid(what, 'is no user name and password in base64')
  // Docker for Windows once wrote a zero byte at the end.
  return {username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/u, '')}
}

function keyOf(registry: string): string {
  return HUB_HOSTS.has(registry) ? HUB_KEY : registry
}

function isOf(registry: string, host: string): boolean {
  if (host === keyOf(registry) || host === registry) return true
  return HUB_HOSTS.has(registry) && HUB_HOSTS.has(host)
}

/** Keys of `auths` may be addresses: of the host alone it depends what they are for. */
function hostOf(key: string): string {
  const [host = ''] = key.replace(/^https?:\/\//u, '').split('/')
  return host
}

function invalid(where: string, what: string): PluginError {
  return new PluginError('FILE_INVALID', `${where} ${what}`, {
    hint: 'correct it, or let docker write it again with: docker login',
  })
}
