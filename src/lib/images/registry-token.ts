import {objectOf} from '../base/json.ts'
import type {RegistryAuth} from './credentials.ts'
import {isSuccess, readAnswer, RegistryError} from './registry-answer.ts'
import {isLoopback, type Way} from './registry-way.ts'

interface TokenQuestion {
  readonly realm: string
  readonly service: string | undefined
  /** `repository:<name>:<actions>` */
  readonly scope: string
  readonly auth: RegistryAuth | undefined
  /** Whether the registry is on this machine, so that its tokens may be, too. */
  readonly isLocal: boolean
}

const LARGEST_TOKEN = 64 * 1024
const FORM = 'application/x-www-form-urlencoded'

/**
 * Gets a token for one repository: distribution's token and OAuth2 specifications. Nobody who sends us on is followed.
 * @returns what to send as `Authorization`
 * @throws RegistryError; what the connection says
 */
export async function fetchToken(
  way: Way,
  {realm, service, scope, auth, isLocal}: TokenQuestion,
  signal: AbortSignal,
): Promise<string> {
  const url = URL.canParse(realm) ? new URL(realm) : undefined
  const isSafe =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal && isLoopback(url.hostname))
  if (!url || !isSafe) throw new RegistryError('it names nobody to get a token from over TLS')
  const about = {...(service !== undefined && {service}), scope}
  const isRefresh = auth !== undefined && 'identityToken' in auth
  if (!isRefresh) {
    for (const [name, value] of Object.entries(about)) url.searchParams.set(name, value)
  }
  const login = auth === undefined ? undefined : basic(auth)
  const answer = await way(
    url,
    isRefresh
      ? {method: 'POST', headers: {'content-type': FORM}, body: refresh(about, auth.identityToken)}
      : {headers: login === undefined ? {} : {authorization: login}},
    signal,
  )
  if (!isSuccess(answer)) {
    answer.body.destroy()
    throw new RegistryError(`${url.host} gives no token for it (${answer.status})`)
  }
  const {token, access_token: access} = objectOf(jsonIn(await readAnswer(answer, LARGEST_TOKEN)))
  const given = token ?? access
  // A token that is none says nothing, and must not become another header.
  if (typeof given === 'string' && /^[\x21-\x7e]+$/.test(given)) return `Bearer ${given}`
  throw new RegistryError(`${url.host} answered without a token`)
}

/** A login by name and password; undefined for what is a token already. */
export function basic(auth: RegistryAuth): string | undefined {
  if (!('username' in auth)) return undefined
  return `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`
}

function refresh(about: Readonly<Record<string, string>>, token: string): string {
  const how = {grant_type: 'refresh_token', refresh_token: token, client_id: 'docker-mcp'}
  return new URLSearchParams({...about, ...how}).toString()
}

function jsonIn(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined
    throw error
  }
}
