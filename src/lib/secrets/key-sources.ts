import {randomBytes} from 'node:crypto'
import {resolve} from 'node:path'
import {PluginError} from '../base/errors.ts'
import {readKeyFile} from '../files/key-file.ts'
import {type FileKey, fileKey, matchingKey, newSalt} from './derived-key.ts'
import type {KeyVault} from './key-vault.ts'
import {keyringVault} from './keyring-vault.ts'
import {
  changedKey,
  keyFileGone,
  keyGone,
  noKeyring,
  noPassphrase,
  nowhereToKeep,
  wrongKeyFile,
  wrongPassphrase,
} from './locked.ts'
import {ownKeyVault} from './own-key.ts'
import {givenPassphrase, SCRYPT_COST, stretch} from './passphrase.ts'
import type {KeyHeader} from './sealed-format.ts'
import {storeError, type StoreInput} from './store.ts'

/** What a file can be encrypted with. */
export type KeyTarget =
  | {readonly kind: 'key-file'; readonly path: string}
  | {readonly kind: 'passphrase'; readonly passphrase: string}
  | {readonly kind: 'keyring'}
  | {readonly kind: 'own-key'}

/** The key for a file that is not written yet. */
export interface NewKey extends FileKey {
  /** Puts the key where it will be looked for; to be called before the file is written. */
  keep(): Promise<void>
}

/** Finds the keys of one file of secrets. */
export class KeySources {
  readonly #input: StoreInput
  readonly #ownKeys: KeyVault
  readonly #keyring: KeyVault
  /** What a person typed, when it was right. */
  #typed: string | undefined

  /** @param keyring where keys can be kept: the OS keyring when not given */
  constructor(input: StoreInput, keyring: KeyVault = keyringVault(input)) {
    this.#input = input
    this.#ownKeys = ownKeyVault(input.paths.secretsKey)
    this.#keyring = keyring
  }

  /**
   * The key that a file needs. May take a second, and may ask a person.
   * @throws PluginError SECRET_LOCKED when it is not there or not the right one; what reading key files and the gateway's own
   *   file throws
   */
  async unlock(header: KeyHeader): Promise<FileKey> {
    if (header.kind === 'key-file') return this.#fromKeyFile(header)
    if (header.kind === 'passphrase') return this.#fromPassphrase(header)
    return this.#fromVault(header)
  }

  /** Why a key is not there, as far as that can be told without asking anybody and without deriving one. */
  async whyShut(header: KeyHeader): Promise<PluginError | undefined> {
    if (header.kind === 'passphrase') {
      const isThere = this.#input.askHidden ?? this.#typed ?? (await givenPassphrase(this.#input))
      return isThere === undefined ? noPassphrase(this.#file) : undefined
    }
    if (header.kind === 'keyring') {
      // What it has is only told by opening it.
      const why = await this.#keyring.unavailable()
      return why === undefined ? undefined : noKeyring(this.#file, why)
    }
    return this.unlock(header).then(() => undefined, storeError)
  }

  /** The variable that names a key which is not the one of the file. */
  ignored({kind}: KeyHeader): string | undefined {
    const others = [
      ...(kind === 'key-file' ? [] : ['DOCKER_MCP_SECRETS_KEY_FILE']),
      ...(kind === 'passphrase'
        ? []
        : ['DOCKER_MCP_SECRETS_PASSPHRASE', 'DOCKER_MCP_SECRETS_PASSPHRASE_FILE']),
    ]
    return others.find(name => this.#input.env[name])
  }

  /** What a new file is encrypted with: the first that there is of key file, passphrase, keyring, and a key of our own. */
  async firstTarget(): Promise<KeyTarget> {
    const [path] = await this.#namedKeyFiles()
    if (path !== undefined) return {kind: 'key-file', path}
    const passphrase = await givenPassphrase(this.#input)
    if (passphrase !== undefined) return {kind: 'passphrase', passphrase}
    const isKeyring = (await this.#keyring.unavailable()) === undefined
    return {kind: isKeyring ? 'keyring' : 'own-key'}
  }

  /**
   * Makes a key, with a new salt.
   * @throws PluginError see `readKeyFile`; STORE_UNUSABLE when there is no keyring; USAGE for an empty passphrase
   */
  async make(target: KeyTarget): Promise<NewKey> {
    const salt = newSalt()
    if (target.kind === 'key-file') {
      const path = resolve(this.#input.cwd, target.path)
      return {...fileKey(await readKeyFile(path), {kind: 'key-file', salt, path}), keep}
    }
    if (target.kind === 'passphrase') {
      if (target.passphrase === '') throw emptyPassphrase()
      const secret = await stretch(target.passphrase, Buffer.from(salt, 'base64'), SCRYPT_COST)
      return {...fileKey(secret, {kind: 'passphrase', salt, scrypt: SCRYPT_COST}), keep}
    }
    const why = target.kind === 'keyring' ? await this.#keyring.unavailable() : undefined
    if (why !== undefined) throw nowhereToKeep(why)
    const vault = await this.#vault(target.kind)
    const [id, secret] = [randomBytes(8).toString('hex'), randomBytes(32)]
    const key = fileKey(secret, {kind: target.kind, salt, id})
    return {...key, keep: () => vault.set(id, secret)}
  }

  /** Takes away a key that no file needs any more. */
  async forget({kind, id}: KeyHeader): Promise<void> {
    if (id === undefined || (kind !== 'keyring' && kind !== 'own-key')) return
    await (await this.#vault(kind)).remove(id)
  }

  async #fromKeyFile(header: KeyHeader): Promise<FileKey> {
    const named = await this.#namedKeyFiles()
    // Whoever names a key file means that one: only without it counts the one that the file was written with.
    const paths = named.length > 0 ? named : [header.path ?? '']
    for (const path of paths) {
      const key = matchingKey(await this.#givenKey(path), header)
      if (key) return key
    }
    throw wrongKeyFile(this.#file, paths, header)
  }

  async #givenKey(path: string): Promise<Buffer> {
    try {
      return await readKeyFile(path)
    } catch (error) {
      const isGone = error instanceof PluginError && error.code === 'FILE_MISSING'
      throw isGone ? keyFileGone(this.#file, path) : error
    }
  }

  async #namedKeyFiles(): Promise<readonly string[]> {
    const {settings, env, cwd} = this.#input
    const ofSettings = (await settings?.())?.encryptionKeyFile
    const ofVariable = env['DOCKER_MCP_SECRETS_KEY_FILE']
    return [
      ...(ofSettings === undefined ? [] : [ofSettings]),
      ...(ofVariable ? [resolve(cwd, ofVariable)] : []),
    ]
  }

  async #fromPassphrase(header: KeyHeader): Promise<FileKey> {
    const given = this.#typed ?? (await givenPassphrase(this.#input))
    const {askHidden} = this.#input
    if (given === undefined && !askHidden) throw noPassphrase(this.#file)
    const passphrase = given ?? (await askHidden?.(`Passphrase of ${this.#file}: `)) ?? ''
    const salt = Buffer.from(header.salt, 'base64')
    const secret = await stretch(passphrase, salt, header.scrypt ?? SCRYPT_COST)
    const key = matchingKey(secret, header)
    if (!key) throw wrongPassphrase(this.#file)
    if (given === undefined) this.#typed = passphrase
    return key
  }

  async #fromVault(header: KeyHeader): Promise<FileKey> {
    const kind = header.kind === 'keyring' ? 'keyring' : 'own-key'
    const secret = await (await this.#vault(kind)).get(header.id ?? '')
    if (!secret) throw keyGone(this.#file, kind === 'keyring' ? undefined : this.#keyPath)
    const key = matchingKey(secret, header)
    if (!key) throw changedKey(this.#file, kind === 'keyring' ? undefined : this.#keyPath)
    return key
  }

  async #vault(kind: 'keyring' | 'own-key'): Promise<KeyVault> {
    if (kind === 'own-key') return this.#ownKeys
    const why = await this.#keyring.unavailable()
    if (why !== undefined) throw noKeyring(this.#file, why)
    return this.#keyring
  }

  get #file(): string {
    return this.#input.paths.secretsFile
  }

  get #keyPath(): string {
    return this.#input.paths.secretsKey
  }
}

/** It is kept where its owner keeps it. */
async function keep(): Promise<void> {}

function emptyPassphrase(): PluginError {
  return new PluginError('USAGE', 'the passphrase is empty', {hint: 'choose one of several words'})
}
