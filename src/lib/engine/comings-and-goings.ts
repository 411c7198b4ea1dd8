import {setTimeout} from 'node:timers/promises'
import * as z from 'zod'
import {PluginError} from '../base/errors.ts'
import {createAnswer} from './answers.ts'
import {pathOf} from './api-path.ts'
import {type Connection, engineFailed, expectAnswer, reasonOf} from './connection.ts'
import type {Dialect} from './dialect.ts'
import type {HolderOptions} from './engine.ts'
import type {ContainerOptions} from './options.ts'

/** What the engine may take to finish a removal that is under way. */
const GONE_MS = 10_000
/** Between two looks whether it has. */
const AGAIN_MS = 25

/** An engine, and how it is spoken with. */
export interface Way {
  readonly connection: Connection
  readonly dialect: Dialect
}

/** As `Engine.create`. */
export async function createContainer(
  way: Way,
  {options, name}: {options: ContainerOptions | HolderOptions; name: string | undefined},
  signal?: AbortSignal,
): Promise<string> {
  signal?.throwIfAborted()
  // Not given to the request: one that is cut off may still make a container, whose id nobody would know.
  const answer = await way.connection.ask({
    method: 'POST',
    path: '/containers/create',
    query: name === undefined ? {} : {name},
    body: way.dialect.createBody(options),
  })
  if (answer.status === 404) {
    throw new PluginError(
      'IMAGE_MISSING',
      `the image ${options.Image} is not on the engine: ${reasonOf(answer)}`,
      {hint: `docker pull ${options.Image}`},
    )
  }
  const id = expectAnswer(answer, createAnswer, `create a container of ${options.Image}`)
  if (signal?.aborted) {
    await removeContainer(way, {id, force: true})
    signal.throwIfAborted()
  }
  return id
}

/** As `Engine.remove`. */
export async function removeContainer(
  {connection, dialect}: Way,
  {id, force}: {id: string; force: boolean},
): Promise<void> {
  const deadline = AbortSignal.timeout(GONE_MS)
  for (;;) {
    const answer = await connection.ask({
      method: 'DELETE',
      path: `/containers/${pathOf(id)}`,
      query: {v: '1', force: force ? '1' : '0'},
    })
    if (dialect.isMissing(answer)) return
    if (!dialect.isGoing(answer)) {
      expectAnswer(answer, z.unknown(), 'remove the container')
      return
    }
    // Somebody else (AutoRemove) is at it: until that is over it is still listed, and holds its volumes.
    if (deadline.aborted) throw engineFailed('remove the container', reasonOf(answer))
    await setTimeout(AGAIN_MS)
  }
}

/** As `Engine.untilGone`. */
export async function untilGone(
  {connection, dialect}: Way,
  id: string,
  signal?: AbortSignal,
): Promise<void> {
  const path = `/containers/${pathOf(id)}/wait`
  const query = {condition: 'removed'}
  const answer = await connection.ask({method: 'POST', path, query, signal})
  if (dialect.isMissing(answer)) return
  expectAnswer(answer, z.unknown(), 'remove the container')
}
