import type {KeyObject} from 'node:crypto'
import type {ImageReference} from './reference.ts'

/** Decides whether an image may run: where there is a key for it, a signature of it must be by that key. */
export interface ImageVerifier {
  /**
   * Whether there is a key for images of that name; where there is none, nothing is checked.
   * @param ref undefined for a name that is none in any registry: only a key for all images is for it
   */
  applies(ref: ImageReference | undefined): boolean
  /**
   * Looks for a signature of exactly these bytes by a key that counts for the image.
   * @param digest of the manifest or index that the reference means, `sha256:…`
   * @throws PluginError SIGNATURE_INVALID with the reason: no signature, another key, another image, nobody to ask;
   *   the signal's reason when it aborts
   */
  verify(ref: ImageReference, digest: string, signal: AbortSignal): Promise<void>
}

/** A public key, and what it counts for. */
export interface SigningKey {
  /** Whose it is, for messages: `Docker's key`, or the file and line of it. */
  readonly name: string
  /**
   * Repositories in full, such as `docker.io/mcp/*`; `/*` at the end stands for all below, `*` alone for all that have a
   * registry, so not for `localhost/…` without a port.
   */
  readonly images: string
  readonly key: KeyObject
  /** SHA-256 of the key's SubjectPublicKeyInfo, in hexadecimal digits. */
  readonly fingerprint: string
  /** Where its signatures are, when that is not the image's own repository. */
  readonly repository?: SignatureRepository
}

/** A repository of a registry, as {@link ImageReference} has them. */
export type SignatureRepository = Pick<ImageReference, 'registry' | 'repository'>

/** Where images come from instead of where their names say. */
export interface Mirrors {
  /** The names that lead to an image of this name, besides its own: a key for one of them counts for it. */
  readonly originalsOf: (ref: ImageReference) => readonly SignatureRepository[]
  /** Where a repository is instead; the same when it is where its name says. */
  readonly mirrorOf: (repository: SignatureRepository) => SignatureRepository
}

/** What became of one signature that was looked at. */
export type Judgement =
  | {readonly is: 'valid'; readonly key: SigningKey}
  /** A key of ours signed it, but it vouches for something else: `names` says for what. */
  | {readonly is: 'other image'; readonly names: string}
  | {readonly is: 'other key'}
  | {readonly is: 'unreadable'; readonly reason: string}
