import {join} from 'node:path'
import {isJsonObject, objectOf, type JsonObject} from '../base/json.ts'
import {readTextFile, writeFileAtomic} from '../files/atomic.ts'
import {jsonOf} from './simple-signing.ts'

/** An image whose signature was found good, and by which key. */
export interface Verified {
  readonly digest: string
  /** The image's, with its registry. */
  readonly repository: string
  /** Fingerprint of the key. */
  readonly key: string
}

/** What was verified before, kept between runs so that a start needs no registry. */
export interface VerifiedStore {
  has(one: Omit<Verified, 'key'>, keys: readonly string[]): Promise<boolean>
  /** @throws PluginError FILE_DENIED */
  add(one: Verified): Promise<void>
}

/** The ones verified last; an image that is forgotten is verified again. */
const MOST_KEPT = 2000

/**
 * @param stateDir the folder of what this program keeps; made when the first is written. Whoever may write there may as
 *   well write which keys count
 */
export function verifiedStore(stateDir: string): VerifiedStore {
  const file = join(stateDir, 'signatures', 'verified.json')
  let writing: Promise<void> = Promise.resolve()

  async function append(one: Verified): Promise<void> {
    const others = (await read(file)).filter(other => !isSame(other, one))
    const verified = [...others, one].slice(-MOST_KEPT)
    await writeFileAtomic(file, `${JSON.stringify({verified})}\n`, {mode: 0o600})
  }

  return {
    async has({digest, repository}, keys) {
      const known = await read(file)
      return keys.some(key => known.some(one => isSame(one, {digest, repository, key})))
    },
    // One after the other. Another gateway may write between, and what is lost then is verified once more.
    add: one => (writing = writing.catch(() => undefined).then(() => append(one))),
  }
}

/** A memory only: what cannot be read of it is forgotten. */
async function read(file: string): Promise<readonly Verified[]> {
  const text = await readTextFile(file).catch(() => undefined)
  const {verified} = objectOf(jsonOf(Buffer.from(text ?? '')))
  return Array.isArray(verified) ? verified.filter(isJsonObject).flatMap(verifiedOf) : []
}

function verifiedOf({digest, repository, key}: JsonObject): readonly Verified[] {
  const isWhole =
    typeof digest === 'string' && typeof repository === 'string' && typeof key === 'string'
  return isWhole ? [{digest, repository, key}] : []
}

function isSame(a: Verified, b: Verified): boolean {
  return a.digest === b.digest && a.repository === b.repository && a.key === b.key
}
