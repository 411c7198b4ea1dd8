import type {Agent} from 'node:http'
import {outgoingAgent, type Outgoing} from '../net/agents.ts'
import {send} from '../net/send.ts'
import {RegistryError, type Answer} from './registry-answer.ts'

export interface Question {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
}

/** Sends requests to hosts, over connections that are kept for the next ones. */
export type Way = (url: URL, question: Question, signal: AbortSignal) => Promise<Answer>

const MOST_REDIRECTS = 5

/** A way to hosts as the environment says: through a proxy or not. Idle connections keep no process alive. */
export function openWay(outgoing: Outgoing): Way {
  const agents = new Map<string, Agent>()
  return async (url, {method, headers, body}, signal) => {
    const agent = agents.get(url.origin) ?? outgoingAgent(url, outgoing)
    agents.set(url.origin, agent)
    const answer = await send(url, {agent, signal, method, headers, body})
    return {status: answer.statusCode ?? 0, url, headers: answer.headers, body: answer}
  }
}

/** Asks, and goes where it is sent to; the login stays where it is for. */
export async function follow(
  way: Way,
  first: URL,
  {headers: {authorization, ...headers}, ...question}: Question,
  signal: AbortSignal,
): Promise<Answer> {
  let url = first
  for (let hops = 0; hops <= MOST_REDIRECTS; hops += 1) {
    const login = url.origin === first.origin && authorization !== undefined ? {authorization} : {}
    const answer = await way(url, {...question, headers: {...headers, ...login}}, signal)
    // What is to be stored is not handed on to others.
    if (question.body !== undefined) return answer
    if (![301, 302, 303, 307, 308].includes(answer.status)) return answer
    answer.body.destroy()
    url = next(answer, first)
  }
  throw new RegistryError(`it sent us on more than ${MOST_REDIRECTS} times`)
}

function next({headers: {location = ''}, url: from}: Answer, first: URL): URL {
  if (!URL.canParse(location, from.href)) throw new RegistryError('it sent us on, but not where to')
  const url = new URL(location, from)
  const isSafe = url.protocol === 'https:' || (isPlain(first) && isLoopback(url.hostname))
  if (isSafe && url.username === '' && /^https?:$/.test(url.protocol)) return url
  throw new RegistryError(`it sent us on to ${url.origin}, which is not asked without TLS`)
}

export function isPlain(url: URL): boolean {
  return url.protocol === 'http:'
}

/** A host of this very machine, as it is in an address. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname)
}
