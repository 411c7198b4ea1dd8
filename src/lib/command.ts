import {Command, type Config, Flags} from '@oclif/core'
import type {App} from './app.ts'
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
    await this._run()
  }

  // oclif would print and set an exit code here.
  override async catch(error: Error): Promise<never> {
    throw error
  }
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

/** The store that only Docker Desktop has; here it stands for no file. */
export const DEFAULT_SECRETS = 'docker-desktop'

/** `--secrets`, on every command that needs to know or use them. */
export const secretsFlag = {
  secrets: Flags.string({
    summary: 'where secrets are: files of KEY=VALUE lines; the first that has one wins',
    default: DEFAULT_SECRETS,
    env: 'DOCKER_MCP_SECRETS',
    helpValue: '<file>:…',
  }),
}

/** What the functions about servers and catalogs work on. */
export function serversInput(app: App): ServersInput {
  return {paths: app.paths, cwd: app.cwd, env: app.env, embedded: app.embeddedCatalog}
}

/** The words of a command that takes any number of them. */
export function wordsOf(argv: readonly unknown[]): readonly string[] {
  return argv.map(String)
}
