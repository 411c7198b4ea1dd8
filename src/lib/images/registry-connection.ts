import {messageOf, PluginError, systemCode} from '../base/errors.ts'
import {oneLine} from '../base/one-line.ts'
import type {Outgoing} from '../net/agents.ts'
import {parseChallenge, type Challenge} from './challenge.ts'
import type {Credentials} from './credentials.ts'
import {RegistryError, UnusableError, type Answer} from './registry-answer.ts'
import {basic, fetchToken} from './registry-token.ts'
import {follow, isLoopback, isPlain, openWay, type Question} from './registry-way.ts'
import type {SignatureRepository} from './signature.ts'

export interface RegistryAccess extends SignatureRepository {
  readonly credentials: Credentials
  readonly outgoing: Outgoing
  /** What a token is asked for; never more, whatever the registry says that is needed. */
  readonly actions: 'pull' | 'pull,push'
}

/**
 * Asks a registry, and does something with what it answers before the time is over.
 * @param target from the root of the registry, `/v2/…`, or a whole address there
 * @throws RegistryError, UnusableError, with the registry's name; the signal's reason
 */
export type Ask = <T>(
  target: string,
  question: Question,
  use: (answer: Answer) => Promise<T>,
  signal: AbortSignal,
) => Promise<T>

/** From the first byte of a question to the last of its answer. */
const ANSWER_MS = 30_000
/** Docker Hub's registry is at another host than its name. */
const HUB = {name: 'docker.io', origin: 'https://registry-1.docker.io'}

/**
 * The way into a repository: logs in when it is told to, follows to where blobs really are. The login is sent to the
 * registry itself, and to whom it names for tokens; a token to the registry alone. Without TLS only registries of this
 * machine are asked.
 * @throws RegistryError when the registry is no host's name
 */
export function connectRegistry({
  registry,
  repository,
  credentials,
  outgoing,
  actions,
}: RegistryAccess): Ask {
  const origin = originOf(registry)
  const way = openWay(outgoing)
  let authorization: Promise<string | undefined> = Promise.resolve(undefined)
  let problem: PluginError | undefined

  async function login(challenge: Challenge, signal: AbortSignal): Promise<string | undefined> {
    const auth = await credentials(registry, signal).catch((error: unknown) => {
      if (!(error instanceof PluginError)) throw error
      // Most images can be had without a login: this is told only when this one cannot.
      problem = error
      return undefined
    })
    if (challenge.scheme === 'basic') return auth && basic(auth)
    const scope = `repository:${repository}:${actions}`
    return fetchToken(way, {...challenge, scope, auth, isLocal: isPlain(origin)}, signal)
  }

  return async (target, question, use, outer) => {
    const signal = AbortSignal.any([outer, AbortSignal.timeout(ANSWER_MS)])
    const ask = (own: string | undefined) =>
      follow(way, withinOf(target, origin), withLogin(question, own), signal)
    try {
      const before = authorization
      let answer = await ask(await before)
      const challenge = challengeIn(answer, origin)
      if (challenge) {
        answer.body.destroy()
        // Others may have logged in meanwhile: one login serves all.
        if (authorization === before) authorization = login(challenge, signal)
        answer = await ask(await authorization)
      }
      return await use(answer)
    } catch (error) {
      outer.throwIfAborted()
      throw said(registry, signal.aborted ? signal.reason : error, problem)
    }
  }
}

function originOf(registry: string): URL {
  if (registry === HUB.name) return new URL(HUB.origin)
  // Docker takes names as registries that are no hosts, such as 999.999.999.999.
  if (!URL.canParse(`http://${registry}`)) {
    throw new RegistryError(`${registry} is not the name of a registry`)
  }
  const url = new URL(`http://${registry}`)
  return isLoopback(url.hostname) ? url : new URL(`https://${registry}`)
}

/** A registry may say where to go on, but only within itself: the login goes there. */
function withinOf(target: string, origin: URL): URL {
  const url = URL.canParse(target, origin.href) ? new URL(target, origin) : undefined
  if (url?.origin === origin.origin && url.username === '') return url
  throw new RegistryError(`it sent us on to ${url?.origin ?? 'nowhere'}, which is another host`)
}

function withLogin(question: Question, authorization: string | undefined): Question {
  if (authorization === undefined) return question
  return {...question, headers: {...question.headers, authorization}}
}

/** What the registry itself wants. A host that it sent us to may not name to whom the login should go. */
function challengeIn({status, url, headers}: Answer, origin: URL): Challenge | undefined {
  if (status !== 401 || url.origin !== origin.origin) return undefined
  const header = headers['www-authenticate']
  return header === undefined ? undefined : parseChallenge(header)
}

function said(registry: string, error: unknown, problem: PluginError | undefined): unknown {
  const why = problem ? `; ${problem.message}` : ''
  if (error instanceof UnusableError) return new UnusableError(`${registry}: ${error.message}`)
  if (error instanceof RegistryError) {
    return new RegistryError(`${registry}: ${error.message}${why}`)
  }
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return new RegistryError(`${registry}: it did not answer within ${ANSWER_MS / 1000} s`)
  }
  // What Node says of names, connections, certificates and HTTP has a code.
  if (systemCode(error) === undefined) return error
  return new RegistryError(`${registry}: ${oneLine(messageOf(error))}`, {cause: error})
}
