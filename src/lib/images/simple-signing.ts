import {verify, type KeyObject} from 'node:crypto'
import {isJsonObject, objectOf, type JsonObject} from '../base/json.ts'
import type {Judgement, SigningKey} from './signature.ts'

/** The type of a payload that cosign signed (cosign's specification, "Simple Signing"). */
export const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json'
/** The annotation of its layer that holds the signature in base64. */
const SIGNATURE = 'dev.cosignproject.cosign/signature'
const TYPE = 'cosign container image signature'

/**
 * Judges a signature of cosign's first format: a JSON text that names a manifest's digest, signed as it is.
 * The name of the image in that text proves nothing and is not compared: the digest is the image.
 * @param input `payload`: the bytes of the layer; `annotations`: what the signatures' manifest says of the layer;
 *   `digest`: that of the image
 */
export function judgeSimpleSigning(input: {
  payload: Buffer
  annotations: JsonObject
  digest: string
  keys: readonly SigningKey[]
}): Judgement {
  const encoded = input.annotations[SIGNATURE]
  if (typeof encoded !== 'string') return {is: 'unreadable', reason: 'its layer has no signature'}
  const signature = Buffer.from(encoded, 'base64')
  const signer = input.keys.find(({key}) => isSignedBy(key, input.payload, signature))
  // Nothing in the payload is read before it is known who wrote it.
  if (!signer) return {is: 'other key'}
  const named = namedDigest(input.payload)
  if (named === undefined) return {is: 'other image', names: 'no image'}
  return named === input.digest ? {is: 'valid', key: signer} : {is: 'other image', names: named}
}

/** Whether a signature as cosign makes them (SHA-256; Ed25519 has a hash of its own) is by the key. */
function isSignedBy(key: KeyObject, payload: Buffer, signature: Buffer): boolean {
  return verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', payload, key, signature)
}

function namedDigest(payload: Buffer): string | undefined {
  const critical = objectOf(objectOf(jsonOf(payload))['critical'])
  const image = critical['image']
  if (critical['type'] !== TYPE || !isJsonObject(image)) return undefined
  const digest = image['docker-manifest-digest']
  return typeof digest === 'string' ? digest : undefined
}

/** What a text of somebody else holds, undefined when it is no JSON. */
export function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    // RangeError: nested deeper than the parser can follow.
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined
    throw error
  }
}
