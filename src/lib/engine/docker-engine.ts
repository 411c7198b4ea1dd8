import {Duplex} from 'node:stream'
import * as z from 'zod'
import {
  containerAnswer,
  createAnswer,
  imageAnswer,
  limitsAnswer,
  listAnswer,
  sizeAnswer,
  versionAnswer,
  waitAnswer,
} from './answers.ts'
import {labelFilter, pathOf} from './api-path.ts'
import {getArchive, putArchive} from './archives.ts'
import {createContainer, removeContainer, untilGone, type Way} from './comings-and-goings.ts'
import {type Call, type Connection, engineFailed, expectAnswer, reasonOf} from './connection.ts'
import type {Dialect} from './dialect.ts'
import type {Endpoint} from './endpoint.ts'
import type {
  ContainerDetails,
  ContainerFacts,
  ContainerStats,
  Distribution,
  Engine,
  EngineInfo,
  HolderOptions,
  ImageFacts,
  NetworkFacts,
  NetworkOptions,
  VolumeFacts,
} from './engine.ts'
import * as networks from './networks.ts'
import * as volumes from './volumes.ts'
import type {ContainerOptions} from './options.ts'
import {distribution, pullImage, tagImage} from './pull.ts'
import {containerStats} from './stats.ts'

/** The verbs of {@link Engine} in requests of the Docker Engine API 1.41 to 1.47. */
export class DockerEngine implements Engine {
  readonly #connection: Connection
  readonly #settings: {readonly dialect: Dialect; readonly answerMs: number}
  /** Waits that the engine has not confirmed yet, by container. */
  readonly #arming = new Map<string, Promise<unknown>>()

  constructor(connection: Connection, settings: {dialect: Dialect; answerMs: number}) {
    this.#connection = connection
    this.#settings = settings
  }

  get endpoint(): Endpoint {
    return this.#connection.endpoint
  }

  get isLocal(): boolean {
    return this.sockets.length > 0
  }

  get sockets(): readonly string[] {
    const {endpoint} = this.#connection
    return endpoint.kind === 'unix' || endpoint.kind === 'npipe' ? [endpoint.path] : []
  }

  get #way(): Way {
    return {connection: this.#connection, dialect: this.#settings.dialect}
  }

  async info(signal?: AbortSignal): Promise<EngineInfo> {
    const within = this.#settings.answerMs
    const answer = await this.#connection.ask({method: 'GET', path: '/version', signal, within})
    const info = expectAnswer(answer, versionAnswer, 'tell its version')
    return {...info, apiVersion: this.#settings.dialect.apiVersion}
  }

  async unkeptLimits(signal?: AbortSignal): Promise<readonly string[]> {
    const answer = await this.#connection.ask({method: 'GET', path: '/info', signal})
    return expectAnswer(answer, limitsAnswer, 'tell which limits it keeps')
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
    options: Parameters<Engine['pullImage']>[1],
    signal: AbortSignal,
  ): Promise<void> {
    return pullImage(this.#connection, {ref, ...options}, signal)
  }

  distribution(
    ref: string,
    auth: string | undefined,
    signal?: AbortSignal,
  ): Promise<Distribution | undefined> {
    return distribution(this.#connection, {ref, auth}, signal)
  }

  tagImage(image: string, name: {repository: string; tag: string}): Promise<void> {
    return tagImage(this.#connection, {image, ...name})
  }

  create(options: ContainerOptions, signal?: AbortSignal, name?: string): Promise<string> {
    return createContainer(this.#way, {options, name}, signal)
  }

  createHolder(options: HolderOptions, signal?: AbortSignal, name?: string): Promise<string> {
    return createContainer(this.#way, {options, name}, signal)
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

  remove(id: string, {force}: {readonly force: boolean}): Promise<void> {
    return removeContainer(this.#way, {id, force})
  }

  untilGone(id: string, signal?: AbortSignal): Promise<void> {
    return untilGone(this.#way, id, signal)
  }

  async list(
    labels: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<readonly ContainerFacts[]> {
    const answer = await this.#connection.ask({
      method: 'GET',
      path: '/containers/json',
      query: {all: '1', ...labelFilter(labels)},
      signal,
    })
    return expectAnswer(answer, listAnswer, 'list its containers')
  }

  async inspect(id: string, signal?: AbortSignal): Promise<ContainerDetails | undefined> {
    const path = `/containers/${pathOf(id)}/json`
    const answer = await this.#connection.ask({method: 'GET', path, signal})
    if (this.#settings.dialect.isMissing(answer)) return undefined
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
    if (this.#settings.dialect.isMissing(answer)) return undefined
    return expectAnswer(answer, sizeAnswer, 'tell the size of the container')
  }

  stats(id: string, signal?: AbortSignal): Promise<ContainerStats | undefined> {
    return containerStats(this.#connection, id, signal)
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

  listNetworks(
    labels: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<readonly NetworkFacts[]> {
    return networks.listNetworks(this.#connection, labels, signal)
  }

  networkMembers(id: string, signal?: AbortSignal): Promise<readonly string[]> {
    return networks.networkMembers(this.#connection, id, signal)
  }

  listVolumes(
    labels: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<readonly VolumeFacts[]> {
    return volumes.listVolumes(this.#connection, labels, signal)
  }

  removeVolume(name: string): Promise<void> {
    return volumes.removeVolume(this.#connection, name)
  }
}
