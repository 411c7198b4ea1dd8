import {createHash, createPublicKey, type KeyObject} from 'node:crypto'
import {isAbsolute, join, resolve} from 'node:path'
import type {PluginError} from '../base/errors.ts'
import {isJsonObject, type Json, type JsonObject} from '../base/json.ts'
import {readTextFile} from '../files/atomic.ts'
import {invalidYaml, parseYamlMap} from '../files/yaml.ts'
import {normalizeReference} from './reference.ts'
import type {SignatureRepository, SigningKey} from './signature.ts'

/** What Docker signs the images of its catalog with; published with docker's own gateway. */
const DOCKER_PEM = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAETcvGv5qypnoxKkFIQOdXZ+2H6JN8
8kmAQrMkTb6SmJ7BY59OJIOpTwdjD5joLot6zFs1Q7HHDmkF5HOaC8zSnA==
-----END PUBLIC KEY-----
`

/** The kinds of keys that cosign makes or takes; RSA as short as it may be today (NIST SP 800-131A). */
const SHORTEST_RSA = 2048
const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1'])

/** The key of Docker for the images of `docker.io/mcp`. */
export function dockerKey(): SigningKey {
  return {
    name: "Docker's key",
    images: 'docker.io/mcp/*',
    ...readPublicKey(DOCKER_PEM),
    repository: {registry: 'docker.io', repository: 'mcp/signatures'},
  }
}

/**
 * All keys that count: Docker's, and those in the user's `signatures.yaml`
 * (`keys: [{images: ghcr.io/acme/*, key: <path or PEM text>, repository: <where the signatures are>}]`).
 * @param dir the folder of that file, from which paths in it count, unless they start with `~/`
 * @param home the user's home
 * @throws PluginError FILE_INVALID with `file:line:column`; FILE_DENIED
 */
export async function readSigningKeys(dir: string, home: string): Promise<readonly SigningKey[]> {
  const file = join(dir, 'signatures.yaml')
  const text = await readTextFile(file)
  if (text === undefined) return [dockerKey()]
  const entries = entriesOf(text, file)
  const own = entries.map(async (entry, index) => {
    const at = {text, file, index}
    return {
      name: `key ${index + 1} of signatures.yaml`,
      ...(await readEntry(entry, at, {dir, home})),
    }
  })
  return [dockerKey(), ...(await Promise.all(own))]
}

/** Whether a key counts for an image. `*` leaves out those that were made on this machine: nobody signs them. */
export function isFor({images}: SigningKey, {registry, repository}: SignatureRepository): boolean {
  if (images === '*') return registry !== 'localhost'
  const pattern = withPlainRegistry(images)
  const name = withPlainRegistry(`${registry}/${repository}`)
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}

/** The same registry under other names must not be a way around its key. */
function withPlainRegistry(name: string): string {
  const slash = name.indexOf('/')
  const registry = name
    .slice(0, slash)
    .toLowerCase()
    .replace(/:(?:443|80)$/, '')
  return `${HUB_NAMES.has(registry) ? 'docker.io' : registry}${name.slice(slash)}`
}

/** Names under which Docker Hub answers engines. */
const HUB_NAMES: ReadonlySet<string> = new Set([
  'index.docker.io',
  'registry-1.docker.io',
  'registry.hub.docker.com',
])

/** An entry of the file. */
interface Entry {
  readonly text: string
  readonly file: string
  /** Its number in the list. */
  readonly index: number
}

const ENTRY_KEYS = ['images', 'key', 'repository']

function entriesOf(text: string, file: string): readonly Json[] {
  const {keys = null, ...others} = parseYamlMap(text, file)
  const [strange] = Object.keys(others)
  if (strange !== undefined) {
    throw invalidYaml(
      {text, file, path: [strange]},
      `“${strange}” is not a key of this file: it has “keys” only`,
    )
  }
  if (keys === null) return []
  if (Array.isArray(keys)) return keys
  throw invalidYaml({text, file, path: ['keys']}, '“keys” is not a list')
}

async function readEntry(
  entry: Json,
  at: Entry,
  folders: {dir: string; home: string},
): Promise<Omit<SigningKey, 'name'>> {
  if (!isJsonObject(entry)) throw wrong(at, undefined, 'a key is a map with “images” and “key”')
  const strange = Object.keys(entry).find(key => !ENTRY_KEYS.includes(key))
  if (strange !== undefined) {
    throw wrong(at, strange, `“${strange}” is not known here: a key has ${ENTRY_KEYS.join(', ')}`)
  }
  const images = fullPattern(textIn(entry, 'images', at))
  if (images === undefined) {
    throw wrong(at, 'images', '“images” is not a repository, nor one with /* at its end, nor *')
  }
  const repository = repositoryOf(entry, at)
  const pem = textIn(entry, 'key', at)
  const text = pem.includes('-----BEGIN') ? pem : await readKeyFile(pem, folders, at)
  return {images, ...readKey(text, at), ...(repository && {repository})}
}

function textIn(entry: JsonObject, key: string, at: Entry): string {
  const value = entry[key]
  if (typeof value === 'string' && value.trim() !== '') return value.trim()
  throw wrong(at, key, `“${key}” is ${value === undefined ? 'missing' : 'not a text'}`)
}

/** A pattern with everything that docker leaves out written out; undefined for what is none. */
function fullPattern(pattern: string): string | undefined {
  if (pattern === '*') return pattern
  if (!pattern.endsWith('/*')) return nameOf(pattern)
  // What stands before the star may be a registry alone, and is no name then. Two parts, as docker puts one below
  // `library/`: `docker.io/*` is all of that registry.
  const below = 'a/x'
  const whole = nameOf(`${pattern.slice(0, -1)}${below}`)
  return whole === undefined ? undefined : `${whole.slice(0, -below.length)}*`
}

/** The name of a repository in full; undefined for what is none, or has a tag or a digest. */
function nameOf(text: string): string | undefined {
  const ref = normalizeReference(text)
  if (!ref || ref.digest !== undefined || ref.tag !== 'latest') return undefined
  return text.endsWith(':latest') ? undefined : `${ref.registry}/${ref.repository}`
}

function repositoryOf(entry: JsonObject, at: Entry): SignatureRepository | undefined {
  if (entry['repository'] === undefined) return undefined
  const text = textIn(entry, 'repository', at)
  const ref = nameOf(text) === undefined ? undefined : normalizeReference(text)
  if (!ref) throw wrong(at, 'repository', '“repository” is not the name of a repository')
  return {registry: ref.registry, repository: ref.repository}
}

async function readKeyFile(
  path: string,
  {dir, home}: {dir: string; home: string},
  at: Entry,
): Promise<string> {
  const whole = path.startsWith('~/') ? join(home, path.slice(2)) : path
  const file = isAbsolute(whole) ? whole : resolve(dir, whole)
  const text = await readTextFile(file)
  if (text !== undefined) return text
  throw wrong(at, 'key', `there is no file ${file}: “key” is the path of a public key, or its text`)
}

function readKey(pem: string, at: Entry): Pick<SigningKey, 'key' | 'fingerprint'> {
  // Node would take a private key and derive the public one: whoever wrote that did not mean to leave it here.
  if (pem.includes('PRIVATE KEY')) {
    throw wrong(
      at,
      'key',
      'this is a private key: put the public one here, and keep this one to yourself',
    )
  }
  if (!ONE_PUBLIC_KEY.test(pem)) throw wrong(at, 'key', NO_KEY)
  let read: Pick<SigningKey, 'key' | 'fingerprint'>
  try {
    read = readPublicKey(pem)
  } catch {
    throw wrong(at, 'key', NO_KEY)
  }
  const weakness = weaknessOf(read.key)
  if (weakness !== undefined) throw wrong(at, 'key', weakness)
  return read
}

/** Not a certificate either: nothing of it but its key would be looked at. */
const ONE_PUBLIC_KEY =
  /^\s*-----BEGIN (?<kind>(?:RSA )?PUBLIC KEY)-----[^-]*-----END \k<kind>-----\s*$/
const NO_KEY = 'this is not one public key in PEM form (-----BEGIN PUBLIC KEY-----)'

function readPublicKey(pem: string): Pick<SigningKey, 'key' | 'fingerprint'> {
  const key = createPublicKey(pem)
  const der = key.export({type: 'spki', format: 'der'})
  return {key, fingerprint: createHash('sha256').update(der).digest('hex')}
}

function weaknessOf(key: KeyObject): string | undefined {
  const {modulusLength = 0, namedCurve = ''} = key.asymmetricKeyDetails ?? {}
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return undefined
    case 'ec':
      return CURVES.has(namedCurve)
        ? undefined
        : 'of elliptic curves only P-256, P-384 and P-521 are taken'
    case 'rsa':
      return modulusLength >= SHORTEST_RSA
        ? undefined
        : `an RSA key needs ${SHORTEST_RSA} bits or more`
    default:
      return 'keys of this kind are not taken: ECDSA, Ed25519 and RSA are'
  }
}

function wrong({text, file, index}: Entry, key: string | undefined, reason: string): PluginError {
  const path = ['keys', String(index), ...(key === undefined ? [] : [key])]
  return invalidYaml({text, file, path}, reason)
}
