import {messageOf, PluginError} from '../base/errors.ts'
import {shellWord} from '../base/shell-word.ts'
import type {StatePaths} from '../files/paths.ts'
import type {GatewayFile} from '../model/gateway-file.ts'

/** A place that keeps secrets. Those that somebody else fills have neither `set` nor `remove`. */
export interface SecretStore {
  /** What `--secrets` and `secret ls` call it: `keyring`, `file`, `pass`, `/run/secrets`, `env`, or the path of a file. */
  readonly name: string
  /** Why it cannot be used here, in words for a person; undefined when it can. Asks nobody for anything. */
  unavailable(): Promise<string | undefined>
  /**
   * Why what is in it can be neither read nor changed now, though the store is there, and what to do. Asks nobody for
   * anything, and derives no key. Who reads all the same is told more.
   */
  unreadable?(): Promise<PluginError | undefined>
  /** What opens it, where that can be chosen; undefined when there is nothing to open. */
  key?(): Promise<StoreKey | undefined>
  /** The names that it has. Cheap, and unlocks nothing: `server ls` asks for them. */
  names(): Promise<readonly string[]>
  /** Whether it has a secret, where it cannot list them all; without it, {@link SecretStore.names} tells. */
  has?(name: string): Promise<boolean>
  /** What a person does to put a secret there that no command of ours puts there. */
  howToSet?(name: string): string
  /**
   * The bytes of a secret, exactly as they were set.
   * @throws PluginError when it may be there and cannot be read; never with a value
   */
  get(name: string): Promise<Buffer | undefined>
  /**
   * Asks the person for what opens it, if anything does, so that a later `set` asks for nothing.
   * @throws PluginError as `set`
   */
  unlock?(): Promise<void>
  /** @throws PluginError when nothing was changed */
  set?(name: string, value: Buffer): Promise<void>
  /** @returns whether it was there */
  remove?(name: string): Promise<boolean>
  /**
   * Takes a name out of the list that this program keeps of a store, also when the store cannot be used: the value may
   * stay in it.
   * @returns whether it was there
   */
  forget?(name: string): Promise<boolean>
}

/** What opens a store. */
export interface StoreKey {
  readonly kind: 'key-file' | 'passphrase' | 'keyring' | 'own-key'
  /** The variable that names another key, which does not count. */
  readonly ignored?: string | undefined
}

/** What stores are opened with. */
export interface StoreInput {
  readonly paths: StatePaths
  readonly env: NodeJS.ProcessEnv
  /** Where relative names of files count from. */
  readonly cwd: string
  /** The gateway's own file. */
  readonly settings?: (() => Promise<GatewayFile>) | undefined
  /** Tells a person what is of note of a file that they named, in one line. */
  readonly notify?: ((line: string) => void) | undefined
  /** Asks the person at the terminal for what must not be shown; undefined when there is nobody to ask. */
  readonly askHidden?: ((question: string) => Promise<string>) | undefined
}

/** Names of secrets: parts of letters, digits and `. _ : -`, joined by `/` (docker's secrets engine has the same). */
export function isSecretName(name: string): boolean {
  return (
    name.length <= 256 &&
    /^[\w.:-]+(?:\/[\w.:-]+)*$/.test(name) &&
    !/(?:^|\/)\.\.?(?:\/|$)/.test(name)
  )
}

/** Where docker's own tools keep the secrets of MCP servers. */
export const REALM = 'docker/mcp/'

/** The name that is meant by what docker's own tools print: the id `docker/mcp/NAME` is the secret NAME. */
export function secretNamed(word: string): string {
  return word.startsWith(REALM) ? word.slice(REALM.length) : word
}

/** The command that sets a secret. Without a name, as the hints of stores have it, which know of none. */
export function setCommand(name?: string): string {
  return `docker mcp secret set ${name === undefined ? 'NAME' : shellWord(name)}`
}

/** What a store threw, for the secret that it was asked for: the commands in its hint are for that one. */
export function errorAbout(name: string, error: PluginError): PluginError {
  const {code, message, hint} = error
  const about = hint === undefined ? undefined : hintAbout(name, hint)
  if (about === undefined || about === hint) return error
  return new PluginError(code, message, {hint: about, cause: error})
}

/** The hint of a store, as {@link errorAbout} has it. One that names a secret already stays as it is. */
export function hintAbout(name: string, hint: string): string {
  return hint.replaceAll(NAMELESS_COMMAND, () => setCommand(name))
}

/** Names of secrets may begin with `NAME`, too. */
const NAMELESS_COMMAND = new RegExp(String.raw`${setCommand()}(?![\w.:/-])`, 'g')

/** What a store threw that cannot be read, as an error of ours. */
export function storeError(thrown: unknown): PluginError {
  if (thrown instanceof PluginError) return thrown
  return new PluginError('STORE_UNUSABLE', messageOf(thrown), {cause: thrown})
}
