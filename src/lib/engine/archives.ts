import * as z from 'zod'
import {PluginError} from '../base/errors.ts'
import {pathOf} from './api-path.ts'
import {type Connection, engineFailed, expectAnswer, reasonOf} from './connection.ts'

/** MiB, far more than the programs that are read back; a container's files may be of any size. */
const LARGEST_ARCHIVE = 8

/**
 * Unpacks a tar archive into a container (`PUT /containers/{id}/archive`).
 * @param input `path`: an existing folder; `archive`: also compressed with gzip
 * @throws PluginError ENGINE_FAILED with the engine's reason; ENGINE_UNREACHABLE; the signal's reason
 */
export async function putArchive(
  connection: Connection,
  {id, path, archive}: {id: string; path: string; archive: Buffer},
  signal?: AbortSignal,
): Promise<void> {
  const answer = await connection.ask({
    method: 'PUT',
    path: `/containers/${pathOf(id)}/archive`,
    query: {path},
    archive,
    signal,
  })
  expectAnswer(answer, z.unknown(), `put files into ${path} of the container`)
}

/**
 * Packs a path of a container (`GET /containers/{id}/archive`).
 * @returns tar; undefined when there is no such container or path
 * @throws PluginError ENGINE_FAILED with the engine's reason, or when it is more than 8 MiB; ENGINE_UNREACHABLE; the
 * signal's reason
 */
export async function getArchive(
  connection: Connection,
  {id, path}: {id: string; path: string},
  signal?: AbortSignal,
): Promise<Buffer | undefined> {
  const response = await connection.open({
    method: 'GET',
    path: `/containers/${pathOf(id)}/archive`,
    query: {path},
    signal,
  })
  const status = response.statusCode ?? 0
  if (status !== 200) {
    const body = await connection.read(response, signal)
    if (status === 404) return undefined
    throw engineFailed(`read ${path} of the container`, reasonOf({status, body}))
  }
  const archive = await connection.bytes(response, LARGEST_ARCHIVE * 1024 ** 2, signal)
  if (archive !== undefined) return archive
  throw new PluginError(
    'ENGINE_FAILED',
    `${path} of the container is not read: it is larger than ${LARGEST_ARCHIVE} MiB`,
    {hint: `copy it with: docker cp ${id}:${path} .`},
  )
}
