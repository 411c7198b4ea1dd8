import {Duplex} from 'node:stream'
import * as z from 'zod'
import {PluginError} from '../base/errors.ts'
import {
  containerAnswer,
  createAnswer,
  imageAnswer,
  listAnswer,
  versionAnswer,
  waitAnswer,
} from './answers.ts'
import {type Connection, engineFailed, expectAnswer, reasonOf} from './connection.ts'
import type {
  ContainerDetails,
  ContainerFacts,
  Engine,
  EngineInfo,
  ImageFacts,
  PullProgress,
} from './engine.ts'
import type {ContainerOptions} from './options.ts'
import {pullImage} from './pull.ts'

/** What the engine may take to finish a removal that is under way. */
const GONE_MS = 10_000

/** The verbs of {@link Engine} in requests of the Docker Engine API 1.41 to 1.47. */
export class DockerEngine implements Engine {
  readonly #connection: Connection
  readonly #settings: {readonly apiVersion: string; readonly answerMs: number}
  /** Waits that the engine has not confirmed yet, by container. */
  readonly #arming = new Map<string, Promise<unknown>>()

  constructor(connection: Connection, settings: {apiVersion: string; answerMs: number}) {
    this.#connection = connection
    this.#settings = settings
  }

  get isLocal(): boolean {
    return this.#connection.endpoint.kind !== 'tcp'
  }

  async info(signal?: AbortSignal): Promise<EngineInfo> {
    const within = this.#settings.answerMs
    const answer = await this.#connection.ask({method: 'GET', path: '/version', signal, within})
    const info = expectAnswer(answer, versionAnswer, 'tell its version')
    return {...info, apiVersion: this.#settings.apiVersion}
  }

  async hasImage(ref: string, signal?: AbortSignal): Promise<boolean> {
    return (await this.inspectImage(ref, signal)) !== undefined
  }

  async inspectImage(ref: string, signal?: AbortSignal): Promise<ImageFacts | undefined> {
    const path = `/images/${pathOf(ref)}/json`
    const answer = await this.#connection.ask({method: 'GET', path, signal})
    if (answer.status === 404) return undefined
    return expectAnswer(answer, imageAnswer, `describe the image ${ref}`)
  }

  pullImage(
    ref: string,
    onProgress: (progress: PullProgress) => void,
    signal: AbortSignal,
  ): Promise<void> {
    return pullImage(this.#connection, {ref, onProgress}, signal)
  }

  async create(options: ContainerOptions, signal?: AbortSignal, name?: string): Promise<string> {
    signal?.throwIfAborted()
    // Not given to the request: one that is cut off may still make a container, whose id nobody would know.
    const answer = await this.#connection.ask({
      method: 'POST',
      path: '/containers/create',
      query: name === undefined ? {} : {name},
      body: options,
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
      await this.remove(id, {force: true})
      signal.throwIfAborted()
    }
    return id
  }

  async attach(id: string, signal?: AbortSignal): Promise<Duplex> {
    const result = await this.#connection.hijack({
      method: 'POST',
      path: `/containers/${pathOf(id)}/attach`,
      query: {stream: '1', stdin: '1', stdout: '1', stderr: '1'},
      signal,
    })
    if (!(result instanceof Duplex)) {
      throw engineFailed('connect to the container', reasonOf(result))
    }
    // An early failure is kept by the stream and found by its reader; without a listener it would end the process.
    return result.on('error', () => {})
  }

  async start(id: string, signal?: AbortSignal): Promise<void> {
    await this.#arming.get(id)
    const path = `/containers/${pathOf(id)}/start`
    const answer = await this.#connection.ask({method: 'POST', path, signal})
    if (answer.status !== 304) expectAnswer(answer, z.unknown(), 'start the container')
  }

  async wait(id: string, signal?: AbortSignal): Promise<{exitCode: number}> {
    // The engine sends the head of its answer when it has begun to watch, and the body at the exit.
    const opened = this.#connection.open({
      method: 'POST',
      path: `/containers/${pathOf(id)}/wait`,
      query: {condition: 'next-exit'},
      signal,
    })
    this.#arming.set(
      id,
      opened.catch(() => {}), // start goes on; the caller of wait gets the error
    )
    try {
      const response = await opened.finally(() => this.#arming.delete(id))
      const body = await this.#connection.read(response, signal)
      const answer = {status: response.statusCode ?? 0, body}
      const {StatusCode, Error: error} = expectAnswer(answer, waitAnswer, 'wait for the container')
      if (error?.Message) throw engineFailed('wait for the container', error.Message)
      return {exitCode: StatusCode}
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  }

  async remove(id: string, {force}: {readonly force: boolean}): Promise<void> {
    const answer = await this.#connection.ask({
      method: 'DELETE',
      path: `/containers/${pathOf(id)}`,
      query: {v: '1', force: force ? '1' : '0'},
    })
    const isGoing = answer.status === 409 && reasonOf(answer).includes('already in progress')
    if (isGoing) await this.#gone(id)
    else if (answer.status !== 404) expectAnswer(answer, z.unknown(), 'remove the container')
  }

  /** Somebody else (AutoRemove) is removing it: until that is over it is still listed, and holds its volumes. */
  async #gone(id: string): Promise<void> {
    const answer = await this.#connection.ask({
      method: 'POST',
      path: `/containers/${pathOf(id)}/wait`,
      query: {condition: 'removed'},
      within: GONE_MS,
    })
    if (answer.status !== 404) expectAnswer(answer, z.unknown(), 'remove the container')
  }

  async list(
    labels: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<readonly ContainerFacts[]> {
    const label = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
    const answer = await this.#connection.ask({
      method: 'GET',
      path: '/containers/json',
      query: {all: '1', filters: JSON.stringify({label})},
      signal,
    })
    return expectAnswer(answer, listAnswer, 'list its containers')
  }

  async inspect(id: string, signal?: AbortSignal): Promise<ContainerDetails | undefined> {
    const path = `/containers/${pathOf(id)}/json`
    const answer = await this.#connection.ask({method: 'GET', path, signal})
    if (answer.status === 404) return undefined
    return expectAnswer(answer, containerAnswer, 'describe the container')
  }
}

/** A name as part of a path. An image's name has slashes; one with dots or gaps would ask for something else. */
function pathOf(name: string): string {
  const parts = name.split('/')
  if (parts.every(part => part !== '' && part !== '.' && part !== '..')) {
    return parts.map(encodeURIComponent).join('/')
  }
  throw engineFailed(
    `look up ${JSON.stringify(name)}`,
    'this is not a name of an image or container',
  )
}
