import {isAbsolute} from 'node:path'
import {Flags} from '@oclif/core'
import type {Interfaces} from '@oclif/core'
import {PluginError} from './base/errors.ts'
import {profileFlags, secretsFlag} from './command.ts'
import type {GatewayOptions} from './gateway/setup.ts'
import {extraFlags} from './extra-flags.ts'
import {lifeFlags, lifeOptions} from './life-flags.ts'
import {listFlag, listOf, variable} from './list-flag.ts'
import {LOG_LEVELS, type LogLevel} from './log-level.ts'
import {maskingFlags} from './masking-flags.ts'
import {parseBytes} from './model/bytes.ts'
import {signatureFlag} from './signature-flag.ts'

const list = (name: string, flag: {summary: string; helpValue: string; helpGroup?: string}) =>
  listFlag({...flag, env: variable(name)})

const FILES = {helpGroup: 'Flags for other files than the configured ones', helpValue: '<file>,…'}
const LIMITS = {helpGroup: 'Flags for limits and safety'}

/** The flags that say what a gateway serves and how; `tools …` takes them too, through `--gateway-arg`. */
export const gatewayFlags = {
  servers: list('servers', {
    summary: 'serve these instead of the enabled ones',
    helpValue: '<name>,…',
  }),
  ...profileFlags,
  'enable-all-servers': Flags.boolean({
    summary: 'serve everything that is in the catalogs',
    allowNo: true,
    env: variable('enable-all-servers'),
  }),
  tools: list('tools', {
    summary: 'serve only these tools: <tool>, <server>:<tool> or <server>:*',
    helpValue: '<tool>,…',
  }),
  client: Flags.string({
    summary: 'the client that starts this, by its name in the gateway file: its rules hold',
    helpValue: '<name>',
    env: variable('client'),
  }),
  ...secretsFlag,
  verbose: Flags.boolean({
    summary: 'pass on what servers write to stderr',
    allowNo: true,
    env: variable('verbose'),
  }),
  cpus: Flags.string({
    summary: 'cores for each server, 0 for no limit',
    default: '1',
    env: variable('cpus'),
    helpValue: '<number>',
    ...LIMITS,
  }),
  memory: Flags.string({
    summary: 'memory for each server, empty for no limit',
    default: '2Gb',
    env: variable('memory'),
    helpValue: '<size>',
    ...LIMITS,
  }),
  'max-message-size': Flags.string({
    summary: 'largest message of a client or a server',
    default: '64Mb',
    env: variable('max-message-size'),
    helpValue: '<size>',
    ...LIMITS,
  }),
  'call-timeout': Flags.integer({
    summary: 'seconds that a call may take without a sign of its server, 0 for no limit',
    default: 600,
    min: 0,
    max: 86_400,
    env: variable('call-timeout'),
    helpValue: '<seconds>',
    ...LIMITS,
  }),
  'max-tools': Flags.integer({
    summary: 'warn when clients are shown more tools, 0 for never',
    default: 128,
    min: 0,
    env: variable('max-tools'),
    helpValue: '<number>',
    ...LIMITS,
  }),
  'token-budget': Flags.integer({
    summary: 'warn when the tools take more tokens, by an estimate, 0 for never',
    default: 0,
    min: 0,
    env: variable('token-budget'),
    helpValue: '<number>',
    ...LIMITS,
  }),
  'network-policy': Flags.custom<GatewayOptions['networkPolicy']>({
    summary: 'network of servers that say nothing of it: open, allowlist or none',
    options: ['open', 'allowlist', 'none'],
    default: 'open',
    helpValue: '<policy>',
    env: variable('network-policy'),
    ...LIMITS,
  })(),
  'block-network': Flags.boolean({
    summary: 'hold servers to their allowed hosts; they always are',
    allowNo: true,
    env: variable('block-network'),
    ...LIMITS,
  }),
  'debug-dns': Flags.boolean({
    summary: 'log also what servers may look up and reach, not only what they may not',
    allowNo: true,
    env: variable('debug-dns'),
    ...LIMITS,
  }),
  security: Flags.custom<GatewayOptions['security']>({
    summary: 'how closed servers are that say nothing of it',
    options: ['default', 'strict'],
    default: 'default',
    env: variable('security'),
    ...LIMITS,
  })(),
  'allow-mount': list('allow-mount', {
    summary: 'folders that servers may mount, though they would be refused',
    helpValue: '<path>,…',
    ...LIMITS,
  }),
  'expose-secrets': list('expose-secrets', {
    summary: 'servers that may get secrets where others can see them',
    helpValue: '<name>,…',
    ...LIMITS,
  }),
  ...lifeFlags,
  ...signatureFlag,
  'log-level': Flags.custom<LogLevel>({
    summary: 'how much is said on stderr: error, warn, info or debug',
    options: [...LOG_LEVELS],
    default: 'info',
    helpValue: '<level>',
    env: variable('log-level'),
    ...LIMITS,
  })(),
  'log-calls': Flags.boolean({
    summary: 'write a line on stderr for each call',
    default: true,
    allowNo: true,
    env: variable('log-calls'),
    ...LIMITS,
  }),
  ...maskingFlags,
  'gateway-config': Flags.string({
    ...FILES,
    summary: 'the gateway’s own file, instead of mcp-gateway-config.yaml',
    helpValue: '<file>',
    env: variable('gateway-config'),
  }),
  catalog: list('catalog', {
    ...FILES,
    summary: 'catalogs to use instead',
    helpValue: '<catalog>,…',
  }),
  'additional-catalog': list('additional-catalog', {
    ...FILES,
    summary: 'catalogs to use as well; they win',
    helpValue: '<catalog>,…',
  }),
  ...extraFlags,
  registry: list('registry', {...FILES, summary: 'enabled servers, instead of registry.yaml'}),
  'additional-registry': list('additional-registry', {...FILES, summary: 'more enabled servers'}),
  config: list('config', {...FILES, summary: 'configuration of servers, instead of config.yaml'}),
  'additional-config': list('additional-config', {
    ...FILES,
    summary: 'more configuration; it wins',
  }),
  'tools-config': list('tools-config', {...FILES, summary: 'allowed tools, instead of tools.yaml'}),
  'additional-tools-config': list('additional-tools-config', {
    ...FILES,
    summary: 'more allowed tools; they win',
  }),
}

type GatewayFlags = Interfaces.InferredFlags<typeof gatewayFlags>

/**
 * The options of a gateway from its flags.
 * @param waiting how long a list waits for a server that is slow to start, and whether it shows what is remembered;
 *   `extra`: the servers that flags name, see `extraServersOf`
 * @throws PluginError USAGE for flags that exclude each other, or that are no size or path
 */
export function gatewayOptions(
  flags: GatewayFlags,
  waiting: Pick<GatewayOptions, 'patienceMs' | 'showRemembered' | 'extra'>,
): GatewayOptions {
  if (flags['enable-all-servers'] && flags.servers) {
    throw new PluginError('USAGE', '--enable-all-servers and --servers exclude each other', {
      hint: 'leave one of them out',
    })
  }
  return {
    servers: listOf(flags.servers),
    profile: flags.profile,
    profileFile: flags['profile-file'],
    enableAllServers: flags['enable-all-servers'],
    catalogs: listOf(flags.catalog),
    additionalCatalogs: listOf(flags['additional-catalog']),
    registry: withMore(flags.registry, flags['additional-registry'], 'registry.yaml'),
    config: withMore(flags.config, flags['additional-config'], 'config.yaml'),
    toolsConfig: withMore(flags['tools-config'], flags['additional-tools-config'], 'tools.yaml'),
    secrets: flags.secrets,
    client: flags.client || undefined,
    tools: listOf(flags.tools),
    cpus: flags.cpus,
    memory: flags.memory,
    maxMessageBytes: readMessageSize(flags['max-message-size']),
    callTimeoutMs: flags['call-timeout'] * 1000,
    logCalls: flags['log-calls'],
    blockSecrets: flags['block-secrets'],
    maskSecrets: flags['mask-secrets'],
    networkPolicy: flags['network-policy'],
    debugDns: flags['debug-dns'],
    security: flags.security,
    allowMounts: readPlaces(listOf(flags['allow-mount']) ?? []),
    exposeSecrets: listOf(flags['expose-secrets']) ?? [],
    ...lifeOptions(flags),
    verifySignatures: flags['verify-signatures'],
    limits: {tools: flags['max-tools'] || undefined, tokens: flags['token-budget'] || undefined},
    verbose: flags.verbose,
    ...waiting,
  }
}

/** A message of more bytes than this can become a text, of numbers written out, that no string may hold. */
const MOST_MESSAGE_BYTES = 100 * 1024 ** 2
const LEAST_MESSAGE_BYTES = 64 * 1024

function readMessageSize(text: string): number {
  const bytes = parseBytes(text) ?? 0
  if (bytes >= LEAST_MESSAGE_BYTES && bytes <= MOST_MESSAGE_BYTES) return bytes
  const said = JSON.stringify(text)
  throw new PluginError('USAGE', `--max-message-size ${said} is not a size from 64Kb to 100Mb`, {
    hint: 'write a number with a unit, for example 64Mb',
  })
}

function readPlaces(paths: readonly string[]): readonly string[] {
  const wrong = paths.find(path => !isAbsolute(path) && path !== '~' && !/^~[\\/]/.test(path))
  if (wrong === undefined) return paths
  throw new PluginError('USAGE', `--allow-mount ${JSON.stringify(wrong)} is not an absolute path`, {
    hint: 'write the whole path, or one in your home as ~/folder',
  })
}

function withMore(
  files: readonly string[] | undefined,
  more: readonly string[] | undefined,
  byDefault: string,
): readonly string[] | undefined {
  const added = listOf(more)
  return added ? [...(listOf(files) ?? [byDefault]), ...added] : listOf(files)
}
