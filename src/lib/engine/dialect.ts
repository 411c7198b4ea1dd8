import * as z from 'zod'
import {PluginError} from '../base/errors.ts'
import {type Answer, reasonOf} from './connection.ts'
import type {Endpoint} from './endpoint.ts'
import type {HolderOptions} from './engine.ts'
import {endpointText, notAnEngine} from './failures.ts'
import type {ContainerOptions} from './options.ts'

/** The versions of the Engine API that this program was written for. */
const OLDEST_API = '1.41'
const NEWEST_API = '1.47'

/** What engines differ in, by what they make of the same request. All of it is here, see docs/engines.md. */
export interface Dialect {
  /** The version of the API that is spoken, such as `1.41`. */
  readonly apiVersion: string
  readonly product: 'docker' | 'podman'
  /** The options of a container, as this engine must be told them. */
  readonly createBody: (options: ContainerOptions | HolderOptions) => object
  /** Whether a request about a container was refused because there is no such container. */
  readonly isMissing: (answer: Answer) => boolean
  /** Whether a removal was refused because the container is ending or being removed: then it is asked for once more. */
  readonly isGoing: (answer: Answer) => boolean
}

/** What of `GET /version` tells how to speak with an engine. */
const greeting = z.object({
  ApiVersion: z.string().regex(/^\d{1,4}\.\d{1,4}$/),
  MinAPIVersion: z.string().nullish(),
  // Podman says here who it is.
  Components: z.array(z.looseObject({Name: z.string().nullish()})).nullish(),
})

/**
 * Agrees with an engine on how to speak: the lower of the newest versions of the API, and what kind of engine it is.
 * @param answer to `GET /version`
 * @throws PluginError ENGINE_UNREACHABLE when that is no engine's answer, or there is no version that both speak
 */
export function agree(endpoint: Endpoint, answer: Pick<Answer, 'body'>): Dialect {
  const told = greeting.safeParse(answer.body)
  if (!told.success) throw notAnEngine(endpoint, 'it tells no version')
  const {ApiVersion: newest, MinAPIVersion: least, Components: components} = told.data
  if (compare(newest, OLDEST_API) < 0) throw tooOld(endpoint, newest)
  // Anything else than a version is said by none that we know, and the first request will tell.
  if (/^\d{1,4}\.\d{1,4}$/.test(least ?? '') && compare(least ?? '', NEWEST_API) > 0) {
    throw tooNew(endpoint, least ?? '')
  }
  const isPodman = components?.some(({Name}) => Name === 'Podman Engine') ?? false
  return {
    apiVersion: compare(newest, NEWEST_API) < 0 ? newest : NEWEST_API,
    ...(isPodman ? PODMAN : DOCKER),
  }
}

const DOCKER: Omit<Dialect, 'apiVersion'> = {
  product: 'docker',
  createBody: options => options,
  isMissing: ({status}) => status === 404,
  isGoing: answer => answer.status === 409 && reasonOf(answer).includes('already in progress'),
}

/** Seen with Podman 4.3.1. */
const PODMAN: Omit<Dialect, 'apiVersion'> = {
  product: 'podman',
  createBody: podmanBody,
  // One that goes while it is looked at is an error of the server's.
  isMissing: answer =>
    answer.status === 404 || (answer.status === 500 && /no such container/i.test(reasonOf(answer))),
  isGoing: ({status, body}) => [409, 500].includes(status) && GOING.test(reasonOf({status, body})),
}
/** What it says of a container that ends between its look at it and its signal, or that another removes. */
const GOING = /could not be stopped|being removed|container state improper/

function podmanBody(options: ContainerOptions | HolderOptions): object {
  const {HostConfig} = options
  if (!('Tmpfs' in HostConfig)) return options
  const folders = Object.entries(HostConfig.Tmpfs).map(([path, given]) => [path, ownTmpfs(given)])
  return {...options, HostConfig: {...HostConfig, Tmpfs: Object.fromEntries(folders)}}
}

/** Podman refuses `uid` and `gid`, and gives a folder to the container's user when it is told `U` (podman-run(1)). */
function ownTmpfs(options: string): string {
  const [kept, owned] = [[] as string[], [] as string[]]
  for (const option of options.split(',')) (/^[ug]id=/.test(option) ? owned : kept).push(option)
  return [...kept, ...(owned.length > 0 ? ['U'] : [])].join()
}

function tooOld(endpoint: Endpoint, theirs: string): PluginError {
  return new PluginError(
    'ENGINE_UNREACHABLE',
    `the engine at ${endpointText(endpoint)} is too old: it speaks API ${theirs}, and this program ${OLDEST_API} to ${NEWEST_API}`,
    {
      hint: 'update the engine to Docker 20.10 or newer, or choose another; `docker context ls` shows them',
    },
  )
}

function tooNew(endpoint: Endpoint, theirs: string): PluginError {
  return new PluginError(
    'ENGINE_UNREACHABLE',
    `the engine at ${endpointText(endpoint)} is too new: it speaks API ${theirs} or newer, and this program ${OLDEST_API} to ${NEWEST_API}`,
    {
      hint: 'update docker mcp; until then, DOCKER_MIN_API_VERSION makes dockerd speak older versions',
    },
  )
}

/** Negative when the first version is older, 0 when both are the same. */
function compare(one: string, other: string): number {
  const [[major = 0, minor = 0], [otherMajor = 0, otherMinor = 0]] = [one, other].map(version =>
    version.split('.').map(Number),
  ) as [number[], number[]]
  return major - otherMajor || minor - otherMinor
}
