import {request} from 'node:http'
import {isAbsolute, join} from 'node:path'
import * as z from 'zod'
import {homeDir} from '../files/paths.ts'

/** Somebody may have to allow it first. */
const ANSWER_MS = 60_000
/** Values are at most a few KiB. An endless answer must not fill the memory. */
const LONGEST_ANSWER = 4 * 1024 * 1024

/** Docker's secrets engine does not listen here. */
export class EngineAbsent extends Error {}

/**
 * Where docker's secrets engine listens: Docker Desktop's, then the one that runs without it (docker/secrets-engine,
 * `x/api/defaults*.go`). Newer ones of that kind have a socket in Linux's abstract namespace, which is not asked: every user
 * of the machine may listen there, and what is answered counts as secrets.
 * @returns paths of Unix sockets; none on Windows: Node connects to no sockets of files there
 */
export function engineSockets(
  env: NodeJS.ProcessEnv,
  platform: NodeJS.Platform,
): readonly string[] {
  if (platform === 'win32') return []
  const caches = join(cacheFolder(env, platform), 'docker-secrets-engine')
  return [join(caches, 'engine.sock'), join(caches, 'daemon.sock')]
}

/** The user's folder for caches, as Go's `os.UserCacheDir` has it. */
function cacheFolder(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  const home = homeDir(env)
  if (platform === 'darwin') return join(home, 'Library', 'Caches')
  const said = env['XDG_CACHE_HOME']
  return said && isAbsolute(said) ? said : join(home, '.cache')
}

/**
 * Asks docker's secrets engine for one secret (docker/secrets-engine, `x/api/resolver/v1/api.proto`, spoken as JSON in
 * the way of connectrpc.com/docs/protocol, "Unary-Request").
 * @param id such as `docker/mcp/NAME`
 * @param input `sockets`: the first where somebody listens is asked
 * @returns undefined when it has none of that id
 * @throws EngineAbsent; an error in words that go on behind a colon, without a value
 */
export async function resolveSecret(
  id: string,
  input: {readonly sockets: readonly string[]; readonly withinMs?: number | undefined},
): Promise<Buffer | undefined> {
  const {status, text} = await ask('resolver.v1.ResolverService/GetSecrets', {pattern: id}, input)
  if (status === 404) return undefined
  // An error's message may have been written by a plugin of the engine: only its kind is repeated.
  if (status !== 200) throw new Error(`it answers ${codeOf(text) ?? `with HTTP status ${status}`}`)
  const {data} = ANSWER.safeParse(parse(text))
  if (!data) throw new Error('its answer cannot be read')
  const found = data.envelopes?.find(envelope => envelope.id === id)
  return found && Buffer.from(found.value ?? '', 'base64')
}

/**
 * Whether somebody listens at one of the sockets.
 * @param input `withinMs`: how long it has to say anything
 */
export async function engineAnswers(input: {
  readonly sockets: readonly string[]
  readonly withinMs: number
}): Promise<boolean> {
  return ask('health.v1.VersionService/GetVersion', {}, input).then(
    () => true,
    () => false,
  )
}

const ANSWER = z.looseObject({
  envelopes: z
    .array(z.looseObject({id: z.string().nullish(), value: z.base64().nullish()}))
    .nullish(),
})
const FAILURE = z.looseObject({code: z.string().regex(/^[a-z_]{1,40}$/)})

interface HttpAnswer {
  readonly status: number
  readonly text: string
}

async function ask(
  method: string,
  message: object,
  {sockets, withinMs = ANSWER_MS}: {sockets: readonly string[]; withinMs?: number | undefined},
): Promise<HttpAnswer> {
  for (const socketPath of sockets) {
    // oxlint-disable-next-line no-await-in-loop -- the first that listens counts
    const answer = await post(socketPath, {method, message, withinMs})
    if (answer) return answer
  }
  throw new EngineAbsent("docker's secrets engine does not run")
}

/** Undefined when nobody listens there. */
function post(
  socketPath: string,
  {method, message, withinMs}: {method: string; message: object; withinMs: number},
): Promise<HttpAnswer | undefined> {
  const {promise, resolve, reject} = Promise.withResolvers<HttpAnswer | undefined>()
  const signal = AbortSignal.timeout(withinMs)
  let isConnected = false
  const fail = () =>
    reject(
      new Error(
        signal.aborted
          ? `it did not answer within ${withinMs / 1000} s`
          : 'it broke the connection off',
      ),
    )
  const asking = request({
    socketPath,
    path: `/${method}`,
    method: 'POST',
    headers: {'content-type': 'application/json', 'connect-protocol-version': '1'},
    signal,
    agent: false,
  })
  asking.on('socket', socket => socket.once('connect', () => (isConnected = true)))
  asking.on('error', () => {
    if (isConnected || signal.aborted) fail()
    else resolve(undefined)
  })
  asking.on('response', response => {
    const chunks: Buffer[] = []
    let length = 0
    response.on('data', (chunk: Buffer) => {
      length += chunk.length
      chunks.push(chunk)
      if (length > LONGEST_ANSWER) response.destroy()
    })
    response.on('error', fail)
    response.on('close', () => {
      if (!response.complete) fail()
      else resolve({status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString()})
    })
  })
  asking.end(JSON.stringify(message))
  return promise
}

function codeOf(text: string): string | undefined {
  return FAILURE.safeParse(parse(text)).data?.code
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
