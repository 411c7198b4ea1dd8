import {stat} from 'node:fs/promises'
import {PluginError, systemCode} from '../base/errors.ts'
import {readOwnFile, writeFileAtomic} from '../files/atomic.ts'
import {fileDenied} from '../files/denied.ts'
import {removeDrafts} from '../files/drafts.ts'
import {withFileLock} from '../files/lock.ts'
import type {StatePaths} from '../files/paths.ts'
import type {FileKey} from './derived-key.ts'
import type {KeySources, KeyTarget, NewKey} from './key-sources.ts'
import {seal, unseal} from './sealed.ts'
import {type KeyHeader, parseSealed} from './sealed-format.ts'
import type {StoreKey} from './store.ts'

/** So often at most a file is read again that another process replaced together with its key. */
const MOST_READS = 4

interface Opened {
  readonly key: FileKey
  readonly secrets: ReadonlyMap<string, Buffer>
}

/** The encrypted file as a whole: read, and replaced while no other process of ours does. */
export class SecretsFile {
  readonly #path: string
  readonly #keyPath: string
  readonly #keys: KeySources

  constructor(paths: StatePaths, keys: KeySources) {
    this.#path = paths.secretsFile
    this.#keyPath = paths.secretsKey
    this.#keys = keys
  }

  /**
   * The names in it, as they are written there in the clear: without the key nobody can say whether they are right.
   * @throws PluginError FILE_INVALID, FILE_DENIED
   */
  async names(): Promise<readonly string[]> {
    const text = await readOwnFile(this.#path)
    return text === undefined ? [] : parseSealed(text, this.#path).header.names
  }

  /** Why it cannot be decrypted, as far as that can be told without the key; undefined too when there is no file. */
  async whyShut(): Promise<PluginError | undefined> {
    const header = await this.#keyHeader()
    return header && this.#keys.whyShut(header)
  }

  /** What it is encrypted with; undefined when there is no file. */
  async key(): Promise<StoreKey | undefined> {
    const header = await this.#keyHeader()
    return header && {kind: header.kind, ignored: this.#keys.ignored(header)}
  }

  async #keyHeader(): Promise<KeyHeader | undefined> {
    await this.#refuseOpenToOthers()
    const text = await readOwnFile(this.#path)
    return text === undefined ? undefined : parseSealed(text, this.#path).header.key
  }

  /** Decrypts it; undefined when there is no file. */
  async read(): Promise<ReadonlyMap<string, Buffer> | undefined> {
    return (await this.#open())?.secrets
  }

  /**
   * Puts other secrets in place of those that it has. A file that is not there is made.
   * @param edit gives the secrets that it shall have; undefined: it stays as it is, byte for byte
   */
  async change(edit: (secrets: ReadonlyMap<string, Buffer>) => Secrets | undefined): Promise<void> {
    // Deriving a key takes long and typing a passphrase longer: not while others wait for the lock.
    const before = await this.#open()
    const made = before ? undefined : await this.#make()
    await withFileLock(this.#path, async () => {
      const now = await this.#open()
      const next = edit(now?.secrets ?? new Map())
      if (!next) return
      if (now) await this.#write(next, now.key)
      else await this.#writeNew(next, made ?? (await this.#make()))
    })
  }

  /** Encrypts everything anew with another key, also when there is nothing yet. */
  async rekey(target: () => Promise<KeyTarget>): Promise<void> {
    // Whoever is asked for two passphrases expects the one of the file first.
    await this.#open()
    const made = await this.#keys.make(await target())
    await withFileLock(this.#path, async () => {
      const now = await this.#open()
      await this.#writeNew(now?.secrets ?? new Map(), made)
      // Only now: until the new file was in its place, the old one was the one that counts.
      if (now) await this.#keys.forget(now.key.header)
    })
  }

  async #make(): Promise<NewKey> {
    return this.#keys.make(await this.#keys.firstTarget())
  }

  async #writeNew(secrets: Secrets, key: NewKey): Promise<void> {
    const text = seal(secrets, key)
    await key.keep()
    await this.#replace(text)
  }

  async #write(secrets: Secrets, key: FileKey): Promise<void> {
    await this.#replace(seal(secrets, key))
  }

  async #replace(text: string): Promise<void> {
    await Promise.all([this.#path, this.#keyPath].map(removeDrafts))
    await writeFileAtomic(this.#path, text, {mode: 0o600})
  }

  async #open(): Promise<Opened | undefined> {
    for (let reads = 1; ; reads += 1) {
      await this.#refuseOpenToOthers()
      const text = await readOwnFile(this.#path)
      if (text === undefined) return undefined
      try {
        const sealed = parseSealed(text, this.#path)
        const key = await this.#keys.unlock(sealed.header.key)
        return {key, secrets: unseal(sealed, key, this.#path)}
      } catch (error) {
        // The key of what was read is taken away when another process has encrypted the file anew.
        if (reads === MOST_READS || (await readOwnFile(this.#path)) === text) throw error
      }
    }
  }

  /**
   * Refused and not only said: whoever may write the file can put secrets of their own in place of it, and whoever may read it
   * sees the names and can try passphrases.
   */
  async #refuseOpenToOthers(): Promise<void> {
    if (process.platform === 'win32') return
    try {
      const facts = await stat(this.#path)
      if (!facts.isFile() || (facts.mode & 0o077) === 0) return
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return
      throw fileDenied(error, {verb: 'read', path: this.#path})
    }
    throw new PluginError('FILE_DENIED', `others may use ${this.#path}, which holds secrets`, {
      hint: `chmod 600 ${this.#path}`,
    })
  }
}

type Secrets = ReadonlyMap<string, Buffer>
