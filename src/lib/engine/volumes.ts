import * as z from 'zod'
import {volumesAnswer} from './answers.ts'
import {labelFilter, pathOf} from './api-path.ts'
import {type Connection, expectAnswer} from './connection.ts'
import type {VolumeFacts} from './engine.ts'

/** `GET /volumes`. */
export async function listVolumes(
  connection: Connection,
  labels: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<readonly VolumeFacts[]> {
  const query = labelFilter(labels)
  const answer = await connection.ask({method: 'GET', path: '/volumes', query, signal})
  return expectAnswer(answer, volumesAnswer, 'list its volumes')
}

/** `DELETE /volumes/{name}`. */
export async function removeVolume(connection: Connection, name: string): Promise<void> {
  const answer = await connection.ask({method: 'DELETE', path: `/volumes/${pathOf(name)}`})
  if (answer.status !== 404) expectAnswer(answer, z.unknown(), `remove the volume ${name}`)
}
