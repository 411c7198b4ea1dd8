import {Duplex} from 'node:stream'
import * as z from 'zod'
import {PluginError} from '../base/errors.ts'
import {
  containerAnswer,
  createAnswer,
  imageAnswer,
  listAnswer,
  sizeAnswer,
  versionAnswer,
  waitAnswer,
} from './answers.ts'
import {pathOf} from './api-path.ts'
import {getArchive, putArchive} from './archives.ts'
import {type Call, type Connection, engineFailed, expectAnswer, reasonOf} from './connection.ts'
import type {
  ContainerDetails,
  ContainerFacts,
  Engine,
  EngineInfo,
  HolderOptions,
  ImageFacts,
  NetworkOptions,
  PullProgress,
} from './engine.ts'
import * as networks from './networks.ts'
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

  get sockets(): readonly string[] {
    const {endpoint} = this.#connection
    return endpoint.kind === 'tcp' ? [] : [endpoint.path]
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

  create(options: ContainerOptions, signal?: AbortSignal, name?: string): Promise<string> {
    return this.#create(options, signal, name)
  }

  createHolder(options: HolderOptions, signal?: AbortSignal, name?: string): Promise<string> {
    return this.#create(options, signal, name)
  }

  async #create(
    options: ContainerOptions | HolderOptions,
    signal?: AbortSignal,
    name?: string,
  ): Promise<string> {
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
    const path = `/containers/${pathOf(id)}/attach`
    const query = {stream: '1', stdin: '1', stdout: '1', stderr: '1'}
    return this.#stream({method: 'POST', path, query, signal}, 'connect to the container')
  }

  async exec(
    id: string,
    {command, user}: {readonly command: readonly string[]; readonly user?: string},
    signal?: AbortSignal,
  ): Promise<Duplex> {
    const what = 'run a program in the container'
    const answer = await this.#connection.ask({
      method: 'POST',
      path: `/containers/${pathOf(id)}/exec`,
      body: {
        AttachStdin: true,
        AttachStdout: true,
        AttachStderr: true,
        Tty: false,
        Cmd: command,
        ...(user !== undefined && {User: user}),
      },
      signal,
    })
    const path = `/exec/${pathOf(expectAnswer(answer, createAnswer, what))}/start`
    const body = {Detach: false, Tty: false}
    return this.#stream({method: 'POST', path, body, signal}, what)
  }

  /** @param what as `expectAnswer` takes it */
  async #stream(call: Call, what: string): Promise<Duplex> {
    const result = await this.#connection.hijack(call)
    if (!(result instanceof Duplex)) throw engineFailed(what, reasonOf(result))
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
    // Somebody else (AutoRemove) is at it: until that is over it is still listed, and holds its volumes.
    if (isGoing) await this.#gone({id, within: GONE_MS})
    else if (answer.status !== 404) expectAnswer(answer, z.unknown(), 'remove the container')
  }

  untilGone(id: string, signal?: AbortSignal): Promise<void> {
    return this.#gone({id, signal})
  }

  async #gone({id, ...bounds}: {id: string} & Pick<Call, 'signal' | 'within'>): Promise<void> {
    const path = `/containers/${pathOf(id)}/wait`
    const query = {condition: 'removed'}
    const answer = await this.#connection.ask({method: 'POST', path, query, ...bounds})
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

  putArchive(id: string, path: string, archive: Buffer, signal?: AbortSignal): Promise<void> {
    return putArchive(this.#connection, {id, path, archive}, signal)
  }

  getArchive(id: string, path: string, signal?: AbortSignal): Promise<Buffer | undefined> {
    return getArchive(this.#connection, {id, path}, signal)
  }

  async writtenBytes(id: string, signal?: AbortSignal): Promise<number | undefined> {
    const path = `/containers/${pathOf(id)}/json`
    const answer = await this.#connection.ask({method: 'GET', path, query: {size: '1'}, signal})
    if (answer.status === 404) return undefined
    return expectAnswer(answer, sizeAnswer, 'tell the size of the container')
  }

  createNetwork(options: NetworkOptions, signal?: AbortSignal): Promise<string> {
    return networks.createNetwork(this.#connection, options, signal)
  }

  connectNetwork(network: string, container: string, signal?: AbortSignal): Promise<void> {
    return networks.connectNetwork(this.#connection, {network, container}, signal)
  }

  disconnectNetwork(network: string, container: string): Promise<void> {
    return networks.disconnectNetwork(this.#connection, {network, container})
  }

  removeNetwork(id: string): Promise<void> {
    return networks.removeNetwork(this.#connection, id)
  }

  bridgeGateway(signal?: AbortSignal): Promise<string | undefined> {
    return networks.bridgeGateway(this.#connection, signal)
  }

  async removeVolume(name: string): Promise<void> {
    const path = `/volumes/${pathOf(name)}`
    const answer = await this.#connection.ask({method: 'DELETE', path})
    if (answer.status !== 404) expectAnswer(answer, z.unknown(), `remove the volume ${name}`)
  }
}
