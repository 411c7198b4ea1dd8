import {createHash} from 'node:crypto'
import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {isBundle, judgeBundle} from '../../../src/lib/images/bundle.ts'
import {
  BUNDLE_TYPES,
  messageBundle,
  signingKey,
  statementBundle,
  statementFor,
  testKey,
} from '../../support/signing.ts'

const MANIFEST = Buffer.from('{"schemaVersion": 2}')
const DIGEST = `sha256:${createHash('sha256').update(MANIFEST).digest('hex')}`
const OTHER = `sha256:${'b'.repeat(64)}`
const key = testKey()

function judged(bundle: unknown, keys = [signingKey(key)]) {
  const content = Buffer.from(typeof bundle === 'string' ? bundle : JSON.stringify(bundle))
  return judgeBundle({content, digest: DIGEST, keys, manifest: async () => MANIFEST})
}

/** What a log would vouch for: somebody else's words, which prove nothing here. */
const LOG_ENTRY = {
  logIndex: '5',
  logId: {keyId: 'AAAA'},
  kindVersion: {kind: 'dsse', version: '0.0.1'},
  integratedTime: '1700000000',
  inclusionPromise: {signedEntryTimestamp: 'AAAA'},
  inclusionProof: {
    logIndex: '5',
    rootHash: 'AA==',
    treeSize: '9',
    hashes: [],
    checkpoint: {envelope: 'x'},
  },
  canonicalizedBody: 'AAAA',
}

describe('judgeBundle', () => {
  test.each(Object.entries(BUNDLE_TYPES))(
    'takes a statement in a bundle of version %s',
    async (_version, mediaType) => {
      expect(isBundle(mediaType)).toBe(true)
      const bundle = statementBundle(statementFor(DIGEST), key, {mediaType})
      expect(await judged(bundle)).toEqual({is: 'valid', key: signingKey(key)})
    },
  )

  test.each(['P-256', 'P-384', 'P-521', 'ed25519', 'rsa'] as const)(
    'takes a statement by a key of kind %s',
    async kind => {
      const own = testKey(kind)
      const keys = [signingKey(key), signingKey(own)]
      const judgement = await judged(statementBundle(statementFor(DIGEST), own), keys)
      expect(judgement).toEqual({is: 'valid', key: keys[1]})
    },
  )

  test.each(['P-256', 'P-384', 'rsa'] as const)(
    "takes a signature of the image's manifest by a key of kind %s",
    async kind => {
      const own = testKey(kind)
      const keys = [signingKey(own)]
      expect(await judged(messageBundle(MANIFEST, own), keys)).toEqual({is: 'valid', key: keys[0]})
    },
  )

  test('takes a bundle that a log and a clock witnessed for the key alone', async () => {
    const bundle = statementBundle(statementFor(DIGEST), key)
    const verificationMaterial = {publicKey: {hint: 'x'}, tlogEntries: [LOG_ENTRY]}
    expect((await judged({...bundle, verificationMaterial})).is).toBe('valid')
  })

  test('refuses a statement about another image, and says about which', async () => {
    const judgement = await judged(statementBundle(statementFor(OTHER), key))
    expect(judgement).toEqual({is: 'other image', names: OTHER})
  })

  test('refuses a signature of another manifest', async () => {
    const judgement = await judged(messageBundle(Buffer.from('another'), key))
    expect(judgement).toEqual({is: 'other key'})
  })

  test('refuses another key', async () => {
    const another = testKey()
    expect(await judged(statementBundle(statementFor(DIGEST), another))).toEqual({is: 'other key'})
    expect(await judged(messageBundle(MANIFEST, another))).toEqual({is: 'other key'})
  })

  test('refuses what is proven by a certificate: no key of ours is in it', async () => {
    const bundle = statementBundle(statementFor(DIGEST), key)
    const verificationMaterial = {certificate: {rawBytes: 'AAAA'}, tlogEntries: []}
    expect(await judged({...bundle, verificationMaterial})).toEqual({is: 'other key'})
  })

  test.each([
    [
      'a list of weaknesses',
      {...statementFor(DIGEST), predicateType: 'https://cosign.sigstore.dev/attestation/vuln/v1'},
    ],
    [
      'how it was built',
      {...statementFor(DIGEST), predicateType: 'https://slsa.dev/provenance/v1'},
    ],
    ['no statement', {...statementFor(DIGEST), _type: 'https://in-toto.io/Statement/v9'}],
    ['no subject', {...statementFor(DIGEST), subject: 'all'}],
    ['nothing', null],
  ])('refuses what the key says of the image otherwise: %s', async (_what, statement) => {
    expect((await judged(statementBundle(statement, key))).is).toBe('unreadable')
  })

  test('refuses a payload that calls itself otherwise', async () => {
    const options = {payloadType: 'text/plain'}
    expect((await judged(statementBundle(statementFor(DIGEST), key, options))).is).toBe(
      'unreadable',
    )
  })

  test('refuses a statement whose envelope was signed as something else', async () => {
    const bundle = statementBundle(statementFor(DIGEST), key, {payloadType: 'text/plain'})
    const dsseEnvelope = {
      ...Object(bundle['dsseEnvelope']),
      payloadType: 'application/vnd.in-toto+json',
    }
    expect(await judged({...bundle, dsseEnvelope})).toEqual({is: 'other key'})
  })

  test('refuses two signatures in one envelope', async () => {
    const bundle = statementBundle(statementFor(DIGEST), key)
    const envelope = Object(bundle['dsseEnvelope'])
    const dsseEnvelope = {...envelope, signatures: [...envelope.signatures, ...envelope.signatures]}
    expect((await judged({...bundle, dsseEnvelope})).is).toBe('unreadable')
  })

  test('refuses anything else that is JSON, and what is none', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.json()), async text => {
        expect((await judged(text)).is).toBe('unreadable')
      }),
    )
    expect((await judged('['.repeat(200_000))).is).toBe('unreadable')
  })

  test('refuses a bundle with anything of it changed', async () => {
    const bundle = statementBundle(statementFor(DIGEST), key)
    const places: [string, string][] = [
      ['payload', Buffer.from(JSON.stringify(statementFor(OTHER))).toString('base64')],
      ['payload', ''],
      ['signatures', ''],
    ]
    for (const [place, value] of places) {
      const dsseEnvelope = {...Object(bundle['dsseEnvelope']), [place]: value}
      expect((await judged({...bundle, dsseEnvelope})).is).not.toBe('valid')
    }
    for (const member of Object.keys(bundle)) {
      expect((await judged({...bundle, [member]: undefined})).is).not.toBe('valid')
      expect((await judged({...bundle, [member]: 5})).is).not.toBe('valid')
    }
  })
})
