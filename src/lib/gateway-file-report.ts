import {isIP} from 'node:net'
import type {App} from './app.ts'
import {messageOf, PluginError} from './base/errors.ts'
import {imageRewriter} from './catalog/image-rewrite.ts'
import {inspectGatewayFile, type GatewayFileProblem} from './files/gateway-file.ts'
import {checkKeyFile} from './files/key-file.ts'
import type {StatePaths} from './files/paths.ts'
import {clientTokens} from './gateway/clients.ts'
import type {TlsFiles} from './gateway/downstream/tls.ts'
import type {GatewayFile} from './model/gateway-file.ts'
import {referencesIn} from './model/references.ts'
import {outgoingOf} from './net/outgoing.ts'
import {DEFAULT_PROFILE, isProfileId, profileIds} from './profile/store.ts'

/** What `gateway config check` tells of a file. */
export interface GatewayFileReport {
  readonly file: string
  /** Whether a gateway would take it. */
  readonly valid: boolean
  /** What is wrong in the file, with its place. */
  readonly problems: readonly GatewayFileProblem[]
  /** What is wrong with the files and variables that it names. */
  readonly missing: readonly string[]
  /** What a gateway would start with, though something would not work. */
  readonly warnings: readonly string[]
}

/**
 * Checks a gateway file and everything that it names, and starts nothing.
 * @throws PluginError FILE_MISSING, FILE_DENIED, and FILE_INVALID for what is no YAML
 */
export async function reportGatewayFile(
  file: string,
  {env, paths}: Pick<App, 'env' | 'paths'>,
): Promise<GatewayFileReport> {
  const read = await inspectGatewayFile(file, {isNamed: true, env})
  if ('problems' in read) {
    return {file, valid: false, problems: read.problems, missing: [], warnings: []}
  }
  const told: string[] = []
  const missing = await faultsOf(read.data, {file, env, warn: line => void told.push(line)})
  const warnings = [
    ...unsetVariables(read.data, env),
    ...(await absentProfile(read.data, paths)),
    ...told,
  ]
  return {file, valid: missing.length === 0, problems: [], missing, warnings}
}

/** Everything that a start looks at besides the text of the file, as far as nobody else need be asked for it. */
async function faultsOf(
  data: GatewayFile,
  about: {file: string; env: NodeJS.ProcessEnv; warn: (line: string) => void},
): Promise<readonly string[]> {
  const {encryptionKeyFile, images, tls, accessControl} = data
  const {file, env} = about
  const checks = await Promise.allSettled([
    outgoingOf(data, env),
    ...(tls ? [checkTls(tls, about.warn)] : []),
    (async () => checkHost(file, data))(),
    (async () => checkProfileId(file, data))(),
    (async () => void imageRewriter(images?.rewrite ?? [], file))(),
    (async () => void clientTokens(accessControl, env))(),
    ...(encryptionKeyFile === undefined ? [] : [checkKeyFile(encryptionKeyFile)]),
  ])
  return checks.flatMap(check => {
    if (check.status === 'fulfilled') return []
    if (!(check.reason instanceof PluginError)) throw check.reason
    return [messageOf(check.reason)]
  })
}

async function checkTls(tls: TlsFiles, warn: (line: string) => void): Promise<void> {
  const {readTls} = await import('./gateway/downstream/tls.ts')
  // The places in the file are absolute by now.
  await readTls(tls, {cwd: '/', warn: line => warn(line.replace(/^! /, ''))})
}

/** A name (RFC 1123), or an address with or without brackets; whether it is one of this machine shows at the start. */
function checkHost(file: string, {host}: GatewayFile): void {
  if (host === undefined) return
  const bare = /^\[(.*)\]$/.exec(host)?.[1] ?? host
  if (isIP(bare.replace(/%\w+$/, '')) !== 0 || HOST.test(bare)) return
  throw new PluginError(
    'FILE_INVALID',
    `${file}: host: ${JSON.stringify(host)} is neither the name of a host nor an address`,
  )
}

const HOST = /^(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/

function checkProfileId(file: string, {profile}: GatewayFile): void {
  if (profile === undefined || isProfileId(profile)) return
  throw new PluginError(
    'FILE_INVALID',
    `${file}: profile: ${JSON.stringify(profile)} cannot be the id of a profile`,
  )
}

/** It may be made before the gateway is started. */
async function absentProfile(
  {profile}: GatewayFile,
  paths: StatePaths,
): Promise<readonly string[]> {
  if (profile === undefined || profile === DEFAULT_PROFILE || !isProfileId(profile)) return []
  if ((await profileIds(paths)).includes(profile)) return []
  return [`there is no profile ${profile}: a gateway does not start before it is made`]
}

function unsetVariables(
  {credentials = {}, accessControl}: GatewayFile,
  env: NodeJS.ProcessEnv,
): readonly string[] {
  const unset = (text: string) => referencesIn(text).filter(name => !env[name])
  const secrets = Object.entries(credentials).flatMap(([key, text]) =>
    unset(text).map(name => `${name} is not set: the secret ${key} is missing`),
  )
  const tokens = Object.entries(accessControl?.clients ?? {}).flatMap(([client, {token = ''}]) =>
    unset(token).map(name => `${name} is not set: the client ${client} cannot connect over HTTP`),
  )
  return [...secrets, ...tokens]
}
