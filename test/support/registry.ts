import {spawn} from 'node:child_process'
import {createHash} from 'node:crypto'
import {once} from 'node:events'
import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import * as z from 'zod'
import {ENDS_WITH_US} from './private-engine.ts'

/** Debian's docker-registry on this machine's loopback, with nothing in it. Disposing of it ends it; twice is once. */
export interface TestRegistry extends AsyncDisposable {
  /** Host and port, as they stand in front of an image's name. Engines speak HTTP with loopback addresses. */
  readonly host: string
  readonly url: string
  /** What `Authorization` must be; undefined when anybody may come in. */
  readonly authorization: string | undefined
  /** The registry's log so far: a line for each request, among others. */
  readonly log: () => string
  /** One request to it, with its login; the answer must be a success. */
  request(method: string, path: string, options?: RequestOptions): Promise<Response>
  /** Puts a blob into a repository. @returns its digest and size */
  putBlob(repository: string, content: Uint8Array): Promise<Blob>
  /** Puts a manifest or an index there, under a tag or its digest. @returns its digest and size */
  putManifest(
    repository: string,
    reference: string | undefined,
    manifest: Readonly<Record<string, unknown>>,
  ): Promise<Blob>
}

export interface RequestOptions {
  readonly body?: Uint8Array | string
  readonly headers?: Readonly<Record<string, string>>
}

/** What a descriptor says of some bytes. */
export interface Blob {
  readonly digest: string
  readonly size: number
}

/** The only login that a registry with a login knows; docker-registry takes bcrypt alone, which Node has not. */
export const REGISTRY_LOGIN = {username: 'tester', password: 'not a secret'} as const
const HTPASSWD = 'tester:$2b$05$abcdefghijklmnopqrstuuiitcSTbmWtinjxTMhPy6Z4ocreVFuRu\n'
const START_MS = 60_000

const CONFIGURATION = {
  version: '0.1',
  log: {accesslog: {disabled: false}, level: 'info'},
  http: {addr: '127.0.0.1:0', secret: 'of a test'},
}

/**
 * Starts a registry (`docker-registry`, see scripts/test-tools.ts) with a folder of its own.
 * @param options `login`: only {@link REGISTRY_LOGIN} may come in (HTTP basic authentication)
 */
export async function registryServer({login = false} = {}): Promise<TestRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'test-registry-'))
  const passwords = join(folder, 'htpasswd')
  const file = join(folder, 'config.yml')
  const settings = {
    ...CONFIGURATION,
    storage: {filesystem: {rootdirectory: join(folder, 'data')}, delete: {enabled: true}},
    ...(login && {auth: {htpasswd: {realm: 'a test', path: passwords}}}),
  }
  await writeFile(passwords, HTPASSWD)
  // JSON is YAML, too.
  await writeFile(file, JSON.stringify(settings))
  const [program, ...args] = [...ENDS_WITH_US, 'docker-registry', 'serve', file]
  const server = spawn(program, args, {stdio: ['ignore', 'pipe', 'pipe']})
  const ended = once(server, 'close')
  let log = ''
  const host = await new Promise<string>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`docker-registry ${why}:\n${log}`))
    const timer = setTimeout(() => fail('does not start'), START_MS)
    const onText = (text: string) => {
      log += text
      const [, address] = /listening on (127\.0\.0\.1:\d+)/.exec(log) ?? []
      if (address === undefined) return
      clearTimeout(timer)
      resolve(address)
    }
    server.stdout.setEncoding('utf8').on('data', onText)
    server.stderr.setEncoding('utf8').on('data', onText)
    server.on('error', reject).on('close', () => fail('ended'))
  })
  const {username, password} = REGISTRY_LOGIN
  const encoded = Buffer.from(`${username}:${password}`).toString('base64')
  return {
    ...registryClient(`http://${host}`, login ? `Basic ${encoded}` : undefined),
    host,
    log: () => log,
    async [Symbol.asyncDispose]() {
      server.kill('SIGKILL')
      await ended
      await rm(folder, {recursive: true, force: true})
    },
  }
}

function registryClient(
  url: string,
  authorization: string | undefined,
): Pick<TestRegistry, 'url' | 'authorization' | 'request' | 'putBlob' | 'putManifest'> {
  const request: TestRegistry['request'] = async (method, path, {body, headers} = {}) => {
    const answer = await fetch(new URL(path, url), {
      method,
      headers: {...(authorization && {authorization}), ...headers},
      ...(body !== undefined && {body: Buffer.from(body)}),
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer
  }
  return {
    url,
    authorization,
    request,
    async putBlob(repository, content) {
      const blob = described(content)
      const begun = await request('POST', `/v2/${repository}/blobs/uploads/`)
      await begun.text()
      const place = new URL(z.string().parse(begun.headers.get('location')), url)
      place.searchParams.set('digest', blob.digest)
      const headers = {'content-type': 'application/octet-stream'}
      await (await request('PUT', place.href, {body: content, headers})).text()
      return blob
    },
    async putManifest(repository, reference, manifest) {
      const body = Buffer.from(JSON.stringify(manifest))
      const blob = described(body)
      const headers = {'content-type': z.string().parse(manifest['mediaType'])}
      const path = `/v2/${repository}/manifests/${reference ?? blob.digest}`
      await (await request('PUT', path, {body, headers})).text()
      return blob
    },
  }
}

function described(content: Uint8Array): Blob {
  const hex = createHash('sha256').update(content).digest('hex')
  return {digest: `sha256:${hex}`, size: content.length}
}
