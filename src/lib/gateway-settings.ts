import {resolve} from 'node:path'
import type {App} from './app.ts'
import {PluginError} from './base/errors.ts'
import {readGatewayFile} from './files/gateway-file.ts'
import {checkKeyFile} from './files/key-file.ts'
import {mustBeKnown} from './gateway/clients.ts'
import type {GatewayOptions} from './gateway/setup.ts'
import {variable} from './list-flag.ts'
import type {GatewayFile} from './model/gateway-file.ts'
import {outgoingOf} from './net/outgoing.ts'

/** The gateway's own file, which can be read again while a gateway runs. */
export class GatewaySettings {
  readonly file: string
  readonly #env: NodeJS.ProcessEnv
  readonly #isNamed: boolean
  #last: GatewayFile | undefined

  /** @param named `--gateway-config`; else its variable counts, else the file in the state folder, which need not exist */
  constructor({env, cwd, paths}: Pick<App, 'env' | 'cwd' | 'paths'>, named?: string) {
    const given = named || env[variable('gateway-config')]
    this.file = given ? resolve(cwd, given) : paths.gatewayFile
    this.#isNamed = Boolean(given)
    this.#env = env
  }

  /**
   * Reads the file as it is now. One that is wrong changes nothing of what {@link GatewaySettings.last} gives.
   * @throws PluginError see `readGatewayFile` and `checkKeyFile`; FILE_INVALID when nothing is left of a file that had
   *   access rules: that is an accident, or an editor that has not written yet, and must not let everybody in
   */
  async read(): Promise<GatewayFile> {
    const file = await readGatewayFile(this.file, {isNamed: this.#isNamed, env: this.#env})
    if (this.#last?.accessControl && Object.keys(file).length === 0) throw rulesLost(this.file)
    if (file.encryptionKeyFile !== undefined) await checkKeyFile(file.encryptionKeyFile)
    this.#last = file
    return file
  }

  /** What was read last; reads it the first time. */
  async last(): Promise<GatewayFile> {
    return this.#last ?? this.read()
  }

  /**
   * What a file says that no flag does.
   * @param client the name that `--client` gives
   * @throws PluginError USAGE for a client that the file does not know; see `outgoingOf`
   */
  async options(file: GatewayFile, client: string | undefined): Promise<FileOptions> {
    const {timeouts, cache, discoveryInterval, accessControl} = file
    mustBeKnown(accessControl, client)
    return {
      gatewayFile: this.file,
      startTimeoutMs: toMs(timeouts?.start),
      trustListsMs: toMs(cache?.lists),
      discoveryIntervalMs: toMs(discoveryInterval),
      accessControl,
      outgoing: await outgoingOf(file, this.#env),
    }
  }
}

type FileOptions = Pick<
  GatewayOptions,
  | 'gatewayFile'
  | 'startTimeoutMs'
  | 'trustListsMs'
  | 'discoveryIntervalMs'
  | 'accessControl'
  | 'outgoing'
>

function rulesLost(file: string): PluginError {
  return new PluginError(
    'FILE_INVALID',
    `${file} is gone, or says nothing: the access rules still hold`,
    {
      hint: 'write the file again; to lift the rules, take out accessControl alone and leave version: 1 there',
    },
  )
}

function toMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000
}
