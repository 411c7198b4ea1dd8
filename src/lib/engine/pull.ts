import * as z from 'zod'
import {messageOf, PluginError} from '../base/errors.ts'
import {distributionAnswer, pullLine, refusal} from './answers.ts'
import {pathOf} from './api-path.ts'
import {type Connection, engineFailed, expectAnswer, reasonOf} from './connection.ts'
import type {Distribution, Engine, PullProgress} from './engine.ts'

/** What the engine may take to ask a registry; it tries a silent one for longer. */
const REGISTRY_MS = 30_000
/** No line of a pull is near this; an endless one must not fill the memory. */
const LONGEST_LINE = 1024 * 1024

/**
 * Lets the engine fetch an image (`POST /images/create`) and reports its progress line by line.
 * @param input `ref`: a reference, without tag and digest it means `latest`; `auth`: for `X-Registry-Auth`
 * @throws PluginError IMAGE_MISSING with the engine's reason; ENGINE_UNREACHABLE; the signal's reason
 */
export async function pullImage(
  connection: Connection,
  {ref, onProgress, auth}: {ref: string} & Parameters<Engine['pullImage']>[1],
  signal: AbortSignal,
): Promise<void> {
  const response = await connection.open({
    method: 'POST',
    path: '/images/create',
    // A name alone would fetch every tag of the repository.
    query: {fromImage: ref, ...(isNameOnly(ref) && {tag: 'latest'})},
    registryAuth: auth,
    signal,
  })
  const status = response.statusCode ?? 0
  if (status !== 200) {
    const body = await connection.read(response, signal)
    throw pullFailed(ref, reasonOf({status, body}))
  }
  for await (const line of linesOf(ref, connection.chunks(response, signal))) {
    const result = readLine(ref, line)
    if ('error' in result) throw pullFailed(ref, result.error)
    onProgress(result.progress)
  }
}

/**
 * Lets the engine ask the registry for an image's digest and platforms (`GET /distribution/{name}/json`).
 * @returns undefined when the engine has no such request
 * @throws PluginError ENGINE_FAILED with the registry's reason; ENGINE_UNREACHABLE; the signal's reason
 */
export async function distribution(
  connection: Connection,
  {ref, auth, withinMs = REGISTRY_MS}: {ref: string; auth: string | undefined; withinMs?: number},
  signal?: AbortSignal,
): Promise<Distribution | undefined> {
  const what = `tell what the registry has as ${ref}`
  const deadline = AbortSignal.timeout(withinMs)
  const answer = await connection
    .ask({
      method: 'GET',
      path: `/distribution/${pathOf(ref)}/json`,
      registryAuth: auth,
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    })
    .catch((error: unknown) => {
      signal?.throwIfAborted()
      if (!deadline.aborted) throw error
      // The engine is well; it waits for somebody else.
      throw engineFailed(what, `the registry did not answer within ${withinMs / 1000} s`)
    })
  // An image that the registry does not have is a 404, too, with the registry's own words.
  const words = refusal.safeParse(answer.body).data?.message ?? ''
  if (answer.status === 404 && !/manifest|name unknown/i.test(words)) return undefined
  return expectAnswer(answer, distributionAnswer, what)
}

/** Gives an image one more name (`POST /images/{name}/tag`). */
export async function tagImage(
  connection: Connection,
  {image, repository, tag}: {image: string; repository: string; tag: string},
): Promise<void> {
  const path = `/images/${pathOf(image)}/tag`
  const answer = await connection.ask({method: 'POST', path, query: {repo: repository, tag}})
  expectAnswer(answer, z.unknown(), `call the image ${repository}:${tag}`)
}

function isNameOnly(ref: string): boolean {
  return !ref.includes('@') && !ref.slice(ref.lastIndexOf('/') + 1).includes(':')
}

async function* linesOf(ref: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, {stream: true})).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > LONGEST_LINE) throw pullFailed(ref, 'its progress cannot be read')
    yield* lines.filter(line => line.trim() !== '')
  }
  if (rest.trim() !== '') yield rest
}

function readLine(ref: string, line: string): {error: string} | {progress: PullProgress} {
  try {
    return pullLine.parse(JSON.parse(line))
  } catch (error) {
    throw pullFailed(ref, `its progress cannot be read: ${messageOf(error)}`)
  }
}

/** Longer words of an engine or a registry are cut. */
const LONGEST_REASON = 1000

function pullFailed(ref: string, why: string): PluginError {
  const reason = why.slice(0, LONGEST_REASON)
  return new PluginError('IMAGE_MISSING', `the engine could not pull ${ref}: ${reason}`, {
    hint: `check the name, and the network of the engine; what docker itself says: docker pull ${ref}`,
  })
}
