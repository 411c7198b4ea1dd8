import {type Interfaces, Parser} from '@oclif/core'
import type {App} from './app.ts'
import {PluginError} from './base/errors.ts'
import {checkVariables} from './command-line.ts'
import {engineAddress, saidEngine} from './engine-address.ts'
import {withGatewayFile, type ParsedFlags} from './file-flags.ts'
import {flagWords} from './flag-words.ts'
import {profileChoice} from './command.ts'
import type {Launch} from './gateway/background/launch-file.ts'
import {boundLog} from './gateway/background/log-file.ts'
import {gatewayFiles, gatewayName} from './gateway/background/name.ts'
import {READY} from './gateway/background/spawn.ts'
import {tokenFile} from './files/settings.ts'
import type {BackgroundInput, Started} from './gateway/background/start.ts'
import type {StopInput} from './gateway/background/stop.ts'
import {gatewayEnv} from './gateway-env.ts'
import {GatewaySettings} from './gateway-settings.ts'
import {globalWords} from './plugin/global-words.ts'
import {runFlags} from './run-flags.ts'
import {parseSecretsSpec} from './secrets/spec.ts'
import {carriedEnv} from './service-door.ts'
import {startedView} from './ui/started-view.ts'

type RunFlags = Interfaces.InferredFlags<typeof runFlags>

/**
 * What makes a gateway that runs one that others find by its name.
 * @param name as the flag says it; undefined for one without
 * @throws PluginError USAGE for what can be no name
 */
export function background(
  app: App,
  name: string | undefined,
): {name?: string; engineAddress?: () => Promise<string>; onReady: () => void} {
  const {process, paths} = app
  const onReady = () => {
    // Nobody listens but the `gateway start` that started it.
    if (process.connected) process.send?.(READY, () => process.disconnect?.())
  }
  if (name === undefined) return {onReady}
  const known = gatewayName({name})
  boundLog(gatewayFiles(paths.stateDir, known))
  return {name: known, engineAddress: () => engineAddress(app), onReady}
}

/** What gateways in the background are started and stopped with. */
export function backgroundInput(app: App): BackgroundInput & StopInput {
  const {env, paths, program = []} = app
  return {
    stateDir: paths.stateDir,
    env: gatewayEnv(env),
    program,
    engine: () => app.engine(),
    saidEngine: () => saidEngine(app),
  }
}

/**
 * How to start a gateway in the background with the flags that a person gave to it, by words or by variables: over HTTP,
 * on a free port, when nobody says otherwise.
 * @param argv the words of those flags
 * @throws PluginError USAGE for stdio, which nobody could speak to
 */
export async function launchOf(
  app: App,
  parsed: ParsedFlags<RunFlags>,
  argv: readonly string[],
): Promise<Launch> {
  const {cwd, env, globals} = app
  const settings = new GatewaySettings(app, parsed.flags['gateway-config'])
  const file = await settings.read()
  const {transport} = withGatewayFile(parsed, file)
  const {port} = transport === 'stdio' ? withGatewayFile(asHttp(parsed), file) : parsed.flags
  if (transport === 'stdio' && isSaid(argv, 'transport')) throw noStdio()
  const {name: _, client, transport: said, ...flags} = {...parsed.flags, ...choiceOf(app, parsed)}
  const own = {
    ...flags,
    // The variable is for clients that start a gateway of their own.
    client: isSaid(argv, 'client') ? client : undefined,
    transport: said === 'stdio' ? undefined : said,
  }
  return {
    globals: globalWords(globals, cwd),
    flags: flagWords({flags: own, metadata: parsed.metadata}, runFlags),
    cwd,
    env: carriedEnv(env, cwd),
    ...(transport === 'stdio' && {transport: 'streaming'}),
    ...(port === undefined && {port: 0}),
  }
}

/**
 * How to start a gateway that nobody has started yet: as variables say.
 * @param profile the id of the one that it must serve
 * @throws PluginError USAGE for variables that say nothing a gateway can do
 */
export async function launchOfVariables(app: App, profile: string | undefined): Promise<Launch> {
  checkVariables({flags: runFlags}, app.env)
  const {flags, metadata} = await Parser.parse([], {flags: runFlags})
  return launchOf(app, {flags: {...flags, profile}, metadata}, [])
}

function choiceOf(
  {env}: App,
  {flags}: ParsedFlags<RunFlags>,
): Pick<RunFlags, 'profile' | 'profile-file'> {
  const {profile, profileFile} = profileChoice(env, flags)
  return {profile, 'profile-file': profileFile}
}

function isSaid(argv: readonly string[], flag: string): boolean {
  return argv.some(word => word === `--${flag}` || word.startsWith(`--${flag}=`))
}

/** What is said of a gateway that was started, or ran already. */
export function startedText({paths}: App, name: string, started: Started): string {
  const {gateway, launch, isNew} = started
  const profile = launch && profileOf(launch)
  return startedView({...gateway.record, isNew, name, profile, tokenFile: tokenFile(paths)})
}

/**
 * What to tell whoever starts a gateway whose order of secrets names `env`: it is not their environment that counts.
 * @param ways what to do instead
 * @returns undefined when there is nothing to tell
 */
export function ownEnvironmentLine({flags}: Launch, ways: string): string | undefined {
  const begin = '--secrets='
  const spec = flags.findLast(word => word.startsWith(begin))?.slice(begin.length)
  const isNamed = parseSecretsSpec(spec ?? '').some(one => one.kind === 'env' && one.isPlain)
  if (!isNamed) return undefined
  return `! --secrets names env, and this gateway has an environment of its own: your plain variables count only in docker mcp gateway run\n  ${ways}\n`
}

/** Instead of plain variables; a service gets none of `DOCKER_MCP_SECRET_…` either. */
const TO_STORE =
  'keep each secret in a store (docker mcp secret set NAME), or in a file that --secrets names'
export const INSTEAD_OF_ENV = {
  gateway: `${TO_STORE}; or give it as DOCKER_MCP_SECRET_…`,
  service: TO_STORE,
}

/** The profile that a gateway was started with; undefined: the one in use. */
function profileOf({flags}: Launch): string | undefined {
  const begin = '--profile='
  return flags.findLast(word => word.startsWith(begin))?.slice(begin.length)
}

/** As if it had been said that clients come over HTTP. */
function asHttp(parsed: ParsedFlags<RunFlags>): ParsedFlags<RunFlags> {
  const {transport: _, ...others} = parsed.metadata.flags ?? {}
  return {flags: {...parsed.flags, transport: 'streaming'}, metadata: {flags: others}}
}

/**
 * The name of the gateway that a command is about: as the flag says it, else the profile that is named.
 * @throws PluginError USAGE for what can be no name
 */
export function nameOf(
  {env}: App,
  flags: {name?: string | undefined; profile?: string | undefined},
): string {
  return gatewayName({name: flags.name, profile: flags.profile ?? env['DOCKER_MCP_PROFILE']})
}

/** The words of a command line without some flags and their values. */
export function withoutWords(
  argv: readonly string[],
  {booleans, values}: {booleans: readonly string[]; values: readonly string[]},
): readonly string[] {
  return argv.filter(
    (word, index) =>
      !isOne(word, booleans) &&
      !isOne(word, values) &&
      !values.some(name => word.startsWith(`--${name}=`)) &&
      !isOne(argv[index - 1], values),
  )
}

function isOne(word: string | undefined, names: readonly string[]): boolean {
  return word !== undefined && names.some(name => word === `--${name}`)
}

function noStdio(): PluginError {
  return new PluginError('USAGE', 'nobody can speak stdio to a gateway in the background', {
    hint: 'leave --transport out; a client that speaks stdio starts: docker mcp gateway connect',
  })
}
