import {generateKeyPairSync, type KeyObject} from 'node:crypto'
import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import * as fc from 'fast-check'
import {describe, expect, onTestFinished, test} from 'vitest'
import {dockerKey, isFor, readSigningKeys} from '../../../src/lib/images/keys.ts'
import {normalizeReference} from '../../../src/lib/images/reference.ts'
import {signingKey, testKey} from '../../support/signing.ts'

const own = testKey()

/** The folder of docker mcp with these files in it. */
async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'keys-'))
  onTestFinished(() => rm(dir, {recursive: true}))
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text)
  return dir
}

async function readWith(yaml: string, files: Readonly<Record<string, string>> = {}) {
  return readSigningKeys(await folderWith({'signatures.yaml': yaml, ...files}), '/nowhere')
}

function counts(images: string, ref: string): boolean {
  const reference = normalizeReference(ref)
  if (!reference) throw new Error(`${ref} is no reference`)
  return isFor(signingKey(own, {images}), reference)
}

const pem = (pair: {publicKey: KeyObject}) => pair.publicKey.export({type: 'spki', format: 'pem'})
const indented = own.pem.replaceAll(/^/gm, '      ')

describe('readSigningKeys', () => {
  test("has Docker's key for Docker's images, and no other", async () => {
    const keys = await readSigningKeys(await folderWith({}), '/nowhere')
    expect(keys).toEqual([dockerKey()])
    expect(keys[0]).toMatchObject({
      images: 'docker.io/mcp/*',
      repository: {registry: 'docker.io', repository: 'mcp/signatures'},
    })
    expect(keys[0]?.key.asymmetricKeyDetails).toEqual({namedCurve: 'prime256v1'})
  })

  test.each(['', 'keys:\n', 'keys: []\n', '# nothing\n'])('takes %j for no keys', async yaml => {
    expect(await readWith(yaml)).toEqual([dockerKey()])
  })

  test('reads the text of a key, and one in a file, from the folder, the home or the root', async () => {
    const home = await folderWith({'home.pub': own.pem})
    const dir = await folderWith({'near.pub': own.pem})
    const yaml = `keys:
  - images: ghcr.io/acme/*
    key: |
${indented}
    repository: ghcr.io/acme/signatures
  - {images: acme/tool, key: near.pub}
  - {images: '*', key: ~/home.pub}
  - {images: localhost:5000/*, key: ${join(home, 'home.pub')}}
`
    await writeFile(join(dir, 'signatures.yaml'), yaml)
    const [, ...keys] = await readSigningKeys(dir, home)
    const {fingerprint} = signingKey(own)
    expect(keys).toMatchObject([
      {
        name: 'key 1 of signatures.yaml',
        images: 'ghcr.io/acme/*',
        fingerprint,
        repository: {registry: 'ghcr.io', repository: 'acme/signatures'},
      },
      {name: 'key 2 of signatures.yaml', images: 'docker.io/acme/tool', fingerprint},
      {name: 'key 3 of signatures.yaml', images: '*', fingerprint},
      {name: 'key 4 of signatures.yaml', images: 'localhost:5000/*', fingerprint},
    ])
    expect(keys[0]?.key.equals(own.public)).toBe(true)
  })

  test.each([
    ['docker.io/*', 'docker.io/acme/x', true],
    ['docker.io/*', 'docker.io/library/x', true],
    ['docker.io/mcp/*', 'registry-1.docker.io/mcp/x', true],
    ['mcp/*', 'Registry-1.Docker.io:443/mcp/x', true],
    ['ghcr.io/acme/*', 'GHCR.io/acme/x', true],
    ['ghcr.io/acme/*', 'ghcr.io:443/acme/x', true],
    ['ghcr.io/acme/*', 'ghcr.io:8443/acme/x', false],
    ['docker.io/*', 'x', true],
    ['docker.io/*', 'ghcr.io/acme/x', false],
    ['index.docker.io/*', 'acme/x', true],
    ['index.docker.io/*', 'x', true],
    ['library/*', 'x', true],
    ['library/*', 'acme/x', false],
    ['acme/*', 'docker.io/acme/deep/x', true],
    ['acme/*', 'docker.io/x', false],
    ['localhost:5000/*', 'localhost:5000/a/b', true],
    ['localhost:5000/*', 'localhost:5001/a/b', false],
  ])('reads %s of the file for %s: %s', async (pattern, image, is) => {
    const yaml = `keys: [{images: '${pattern}', key: near.pub}]`
    const [, read] = await readWith(yaml, {'near.pub': own.pem})
    expect(counts(read?.images ?? '', image)).toBe(is)
  })

  const key = 'key: near.pub'
  test.each([
    ['keys: 5', '1:1', 'not a list'],
    ['others: []', '1:1', '“others” is not a key of this file'],
    ['keys:\n  - 5', '2:5', 'a map with “images” and “key”'],
    [`keys:\n  - ${key}`, '2:5', '“images” is missing'],
    ['keys:\n  - images: a/b', '2:5', '“key” is missing'],
    [`keys:\n  - images: 5\n    ${key}`, '2:5', '“images” is not a text'],
    [`keys:\n  - ${key}\n    images: a/b\n    more: x`, '4:5', '“more” is not known here'],
    [`keys:\n  - {images: a/b, ${key}}\n  - images: A/*b\n    ${key}`, '3:5', 'not a repository'],
    [`keys:\n  - images: a/b:1\n    ${key}`, '2:5', 'not a repository'],
    [`keys:\n  - images: a/b:latest\n    ${key}`, '2:5', 'not a repository'],
    [`keys:\n  - images: a*\n    ${key}`, '2:5', 'not a repository'],
    [`keys:\n  - images: a/b\n    ${key}\n    repository: a/b@x`, '4:5', 'not the name of'],
    [`keys:\n  - images: a/b\n    key: missing.pub`, '3:5', 'there is no file'],
    [`keys:\n  - images: a/b\n    key: empty.pub`, '3:5', 'not one public key'],
    [`keys:\n  - images: a/b\n    key: two.pub`, '3:5', 'not one public key'],
    [`keys:\n  - images: a/b\n    key: broken.pub`, '3:5', 'not one public key'],
    [`keys:\n  - images: a/b\n    key: rsa.pub`, '3:5', '2048 bits'],
    [`keys:\n  - images: a/b\n    key: curve.pub`, '3:5', 'only P-256'],
    [`keys:\n  - images: a/b\n    key: exchange.pub`, '3:5', 'keys of this kind'],
    ['keys:\n  - images: a/b\n   - x', '3:', ''],
  ])('refuses %j and says where', async (yaml, place, reason) => {
    const files = {
      'near.pub': own.pem,
      'empty.pub': '',
      'two.pub': own.pem + own.pem,
      'broken.pub': own.pem.replace(/M.*\n/, 'AAAA\n'),
      'rsa.pub': pem(generateKeyPairSync('rsa', {modulusLength: 1024})),
      'curve.pub': pem(generateKeyPairSync('ec', {namedCurve: 'secp256k1'})),
      'exchange.pub': pem(generateKeyPairSync('x25519')),
    }
    await expect(readWith(yaml, files)).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringMatching(new RegExp(`signatures.yaml:${place}.*${reason}`)),
    })
  })

  test('refuses a private key, and shows nothing of it', async () => {
    const secret = own.private.export({type: 'pkcs8', format: 'pem'})
    const yaml = 'keys:\n  - images: a/b\n    key: cosign.key'
    const failure = await readWith(yaml, {'cosign.key': secret}).catch((error: unknown) => error)
    expect(failure).toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringContaining('this is a private key'),
    })
    expect(String(failure)).not.toContain(secret.split('\n')[1])
  })
})

describe('isFor', () => {
  test.each([
    ['docker.io/mcp/*', 'mcp/fetch', true],
    ['docker.io/mcp/*', 'docker.io/mcp/fetch:1', true],
    ['docker.io/mcp/*', 'index.docker.io/mcp/fetch', true],
    ['docker.io/mcp/*', 'mcp-other/fetch', false],
    ['docker.io/mcp/*', 'ghcr.io/mcp/fetch', false],
    ['docker.io/mcp/*', 'mcp', false],
    ['ghcr.io/*', 'ghcr.io/a/b/c', true],
    ['ghcr.io/a/b', 'ghcr.io/a/b@sha256:' + 'a'.repeat(64), true],
    ['ghcr.io/a/b', 'ghcr.io/a/b/c', false],
    ['*', 'mcp/fetch', true],
    ['*', 'localhost:5000/a', true],
    ['*', 'localhost/made/here', false],
    ['localhost/*', 'localhost/made/here', true],
  ])('takes %s for %s: %s', (images, ref, is) => {
    expect(counts(images, ref)).toBe(is)
  })

  test('takes every image below a folder and none beside it', () => {
    const word = fc.stringMatching(/^[a-z0-9]{1,8}$/)
    fc.assert(
      fc.property(
        word,
        word,
        fc.array(word, {minLength: 1, maxLength: 3}),
        (folder, other, rest) => {
          fc.pre(folder !== other)
          expect(counts(`ghcr.io/${folder}/*`, `ghcr.io/${folder}/${rest.join('/')}`)).toBe(true)
          expect(counts(`ghcr.io/${folder}/*`, `ghcr.io/${other}/${rest.join('/')}`)).toBe(false)
          expect(counts(`ghcr.io/${folder}/*`, `ghcr.io/${folder}${other}/x`)).toBe(false)
        },
      ),
    )
  })
})
