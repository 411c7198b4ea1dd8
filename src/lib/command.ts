import {Command, type Config, Flags} from '@oclif/core'
import type {App} from './app.ts'
import type {ServerRefInput} from './catalog/server-refs.ts'
import {GatewaySettings} from './gateway-settings.ts'
import type {ProfileChoice} from './profile/choice.ts'
import type {ServersInput} from './profile/servers.ts'
import {FORMATS, type Format} from './ui/format.ts'

/** A command class as the entry uses it. */
export interface CommandClass {
  new (argv: string[], config: Config): PluginCommand
  /** Undefined for a command without flags of its own. */
  readonly flags?: typeof Command.flags | undefined
  readonly args: typeof Command.args
  aliases: string[]
  readonly strict: boolean
  readonly summary?: string | undefined
  readonly description?: string | undefined
  readonly examples?: Command.Example[] | undefined
  readonly hidden?: boolean | undefined
}

/** The base of every command: a door that parses, calls one function of lib and prints one value. */
export abstract class PluginCommand extends Command {
  #app: App | undefined

  protected get app(): App {
    if (!this.#app) throw new Error('a command runs through invoke()')
    return this.#app
  }

  /** Runs the command. What goes wrong is thrown as it is: the entry turns errors into text and exit codes. */
  async invoke(app: App): Promise<void> {
    this.#app = app
    // oclif's own way to run it adds a log that nobody reads, and prints errors.
    await this.run()
  }

  abstract override run(): Promise<void>
}

/** `--format`, on every command that lists or shows something. */
export const formatFlag = {
  format: Flags.custom<Format>({
    summary: 'how to print',
    options: [...FORMATS],
    default: 'human',
    env: 'DOCKER_MCP_FORMAT',
  })(),
}

/** The same on `tools …`, where docker's own plugin says `list` for what people read. */
export const listFormatFlag = {
  format: Flags.custom<Format>({
    summary: 'how to print; list is human',
    options: [...FORMATS, 'list'],
    default: 'human',
    env: 'DOCKER_MCP_FORMAT',
    parse: async text => FORMATS.find(format => format === text) ?? 'human',
  })(),
}

/** `--secrets`, on every command that needs to know or use them. */
export const secretsFlag = {
  secrets: Flags.string({
    summary:
      'where secrets are: stores, files of KEY=VALUE lines, folders; the first that has one wins',
    env: 'DOCKER_MCP_SECRETS',
    helpValue: '<store>:<file>:…',
  }),
}

/** `--profile` and `--profile-file`, on every command that works on the servers of one. */
export const profileFlags = {
  profile: Flags.string({
    summary: 'the profile to take, instead of the one in use (DOCKER_MCP_PROFILE)',
    helpValue: '<id>',
  }),
  'profile-file': Flags.string({
    summary: 'a file with the profile to take, such as one of a project (DOCKER_MCP_PROFILE_FILE)',
    helpValue: '<file>',
  }),
}

/**
 * What the functions about servers and catalogs work on.
 * @param flags those of {@link profileFlags}: one of them makes both variables count no more
 */
export function serversInput(
  app: App,
  flags: {profile?: string | undefined; 'profile-file'?: string | undefined} = {},
): ServersInput {
  const {paths, cwd, env, io} = app
  const settings = new GatewaySettings(app)
  const told = new Set<string>()
  return {
    paths,
    cwd,
    env,
    embedded: app.embeddedCatalog,
    choice: profileChoice(env, flags),
    settings: () => settings.last(),
    gatewayFile: settings.file,
    fetched: new Map(),
    notify: line => io.err(`${line}\n`),
    onBroken: ({name, line}) => {
      if (!told.has(name)) io.err(`! ${line}\n`)
      told.add(name)
    },
  }
}

/** Which profile flags and variables name. @param flags one of them makes both variables count no more */
export function profileChoice(
  env: NodeJS.ProcessEnv,
  flags: {profile?: string | undefined; 'profile-file'?: string | undefined},
): ProfileChoice {
  const {profile, 'profile-file': profileFile} = flags
  if (profile !== undefined || profileFile !== undefined) return {profile, profileFile}
  return {
    profile: env['DOCKER_MCP_PROFILE'] || undefined,
    profileFile: env['DOCKER_MCP_PROFILE_FILE'] || undefined,
  }
}

/** What servers are looked up by reference with; `flags` as those of {@link serversInput}. */
export function serverRefInput(
  app: App,
  flags: Parameters<typeof serversInput>[1] = {},
): ServerRefInput & ServersInput {
  return {...serversInput(app, flags), engine: () => app.engine()}
}

/** The words of a command that takes any number of them. */
export function wordsOf(argv: readonly unknown[]): readonly string[] {
  return argv.map(String)
}
