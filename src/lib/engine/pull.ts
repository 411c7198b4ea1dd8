import {messageOf, PluginError} from '../base/errors.ts'
import {pullLine} from './answers.ts'
import {type Connection, reasonOf} from './connection.ts'
import type {PullProgress} from './engine.ts'

/** No line of a pull is near this; an endless one must not fill the memory. */
const LONGEST_LINE = 1024 * 1024

/**
 * Lets the engine fetch an image (`POST /images/create`) and reports its progress line by line.
 * @param input `ref`: a reference, without tag and digest it means `latest`
 * @throws PluginError IMAGE_MISSING with the engine's reason; ENGINE_UNREACHABLE; the signal's reason
 */
export async function pullImage(
  connection: Connection,
  {ref, onProgress}: {ref: string; onProgress: (progress: PullProgress) => void},
  signal: AbortSignal,
): Promise<void> {
  const response = await connection.open({
    method: 'POST',
    path: '/images/create',
    // A name alone would fetch every tag of the repository.
    query: {fromImage: ref, ...(isNameOnly(ref) && {tag: 'latest'})},
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

function pullFailed(ref: string, why: string): PluginError {
  return new PluginError('IMAGE_MISSING', `the engine could not pull ${ref}: ${why}`, {
    hint: `check the name and the network of the engine; an image that needs a login is fetched with: docker pull ${ref}`,
  })
}
