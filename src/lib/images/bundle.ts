import {objectOf} from '../base/json.ts'
import type {Judgement, SigningKey} from './signature.ts'
import {jsonOf} from './simple-signing.ts'

/** All versions of a sigstore bundle's media type start like this. */
const BUNDLE =
  /^application\/vnd\.dev\.sigstore\.bundle(?:\.v\d+\.\d+)?\+json(?:;version=\d+\.\d+)?$/
const IN_TOTO = 'application/vnd.in-toto+json'
const STATEMENTS = new Set(['https://in-toto.io/Statement/v0.1', 'https://in-toto.io/Statement/v1'])
/** The statement “this is signed”. Others, a list of its weaknesses say, may be by the same key and mean no approval. */
const SIGNED = 'https://sigstore.dev/cosign/sign/v1'

/** Whether a media type is that of a sigstore bundle, versions 0.1 to 0.3 (sigstore's bundle specification). */
export function isBundle(mediaType: string): boolean {
  return BUNDLE.test(mediaType)
}

/**
 * Judges a sigstore bundle by the key alone: an in-toto statement that is about the image, or a signature of the image's
 * manifest itself. What the bundle holds of transparency logs and time stamps is not looked at, and a bundle whose
 * proof is a certificate is by no key of ours.
 * @param input `content`: the bundle as it was stored; `digest`: that of the image; `manifest`: fetches the image's
 *   manifest, its digest checked
 */
export async function judgeBundle(input: {
  content: Buffer
  digest: string
  keys: readonly SigningKey[]
  manifest: () => Promise<Buffer>
}): Promise<Judgement> {
  const json = jsonOf(input.content)
  const [{bundleFromJSON, isBundleWithPublicKey}, {toSignedEntity, toTrustMaterial, Verifier}] =
    await Promise.all([import('@sigstore/bundle'), import('@sigstore/verify')])
  let bundle: ReturnType<typeof bundleFromJSON>
  try {
    bundle = bundleFromJSON(json)
  } catch {
    // The library throws errors of many kinds for what has not the shape; its texts repeat what somebody else wrote.
    return {is: 'unreadable', reason: 'it is not a sigstore bundle'}
  }
  if (!isBundleWithPublicKey(bundle)) return {is: 'other key'}
  const isMessage = bundle.content.$case === 'messageSignature'
  const entity = toSignedEntity(
    withoutWitnesses(bundle),
    isMessage ? await input.manifest() : undefined,
  )
  const signer = input.keys.find(({key}) => {
    // Whichever key the bundle hints at: the signature tells whose it is.
    const material = toTrustMaterial(NO_AUTHORITIES, () => ({publicKey: key, validFor: () => true}))
    try {
      new Verifier(material, KEY_ALONE).verify(entity)
      return true
    } catch {
      return false
    }
  })
  if (!signer) return {is: 'other key'}
  if (bundle.content.$case === 'messageSignature') return {is: 'valid', key: signer}
  const {payloadType, payload} = bundle.content.dsseEnvelope
  const named = payloadType === IN_TOTO ? signedDigests(payload, input.digest) : undefined
  if (named === undefined) {
    return {is: 'unreadable', reason: 'what is stored says something else than that it is signed'}
  }
  if (named.includes(input.digest)) return {is: 'valid', key: signer}
  return {is: 'other image', names: named[0] ?? 'no image'}
}

const NO_AUTHORITIES = {
  mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
  certificateAuthorities: [],
  timestampAuthorities: [],
  tlogs: [],
  ctlogs: [],
}
const KEY_ALONE = {tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0}

/** The verifier refuses what others witnessed when it does not know them; we know nobody but the keys. */
function withoutWitnesses<B extends {verificationMaterial: object}>(bundle: B): B {
  const {verificationMaterial} = bundle
  return {
    ...bundle,
    verificationMaterial: {
      ...verificationMaterial,
      tlogEntries: [],
      timestampVerificationData: undefined,
    },
  }
}

/** What a statement says is signed, as digests of the same algorithm; undefined when it says something else. */
function signedDigests(payload: Buffer, digest: string): readonly string[] | undefined {
  const {_type: type, predicateType, subject} = objectOf(jsonOf(payload))
  if (typeof type !== 'string' || !STATEMENTS.has(type)) return undefined
  if (predicateType !== SIGNED || !Array.isArray(subject)) return undefined
  const [algorithm = ''] = digest.split(':')
  return subject.flatMap(one => {
    const hex = objectOf(objectOf(one)['digest'])[algorithm]
    return typeof hex === 'string' ? [`${algorithm}:${hex}`] : []
  })
}
