import * as z from 'zod'
import {messageOf, PluginError} from '../base/errors.ts'
import {helperProgram, runCredentialHelper} from '../plugin/credential-helper.ts'
import type {RegistryAuth} from './credentials.ts'

/** With this user name, the secret is an identity token. */
const TOKEN_USER = '<token>'

const ANSWER = z.looseObject({Username: z.string(), Secret: z.string()})

/**
 * Asks a helper program, `docker-credential-<name> get`, for the login of a registry. The registry goes to its stdin,
 * the login comes on its stdout, and nothing of that is repeated anywhere.
 * @param helper the name's last part, as docker's config.json has it
 * @param ask `server`: what docker calls the registry; `env`: where the program is looked for, and what it gets
 * @returns undefined when it has no login for this registry, and when there is no such program
 * @throws PluginError CREDENTIALS_FAILED; the signal's reason
 */
export async function askHelper(
  helper: string,
  ask: {
    readonly server: string
    readonly env: NodeJS.ProcessEnv
    readonly signal?: AbortSignal | undefined
    readonly withinMs?: number
  },
): Promise<RegistryAuth | undefined> {
  const {server, ...how} = ask
  const text = await answerOf(helper, how, server)
  if (text === undefined) return undefined
  const login = parse(text)
  if (!login) throw failed(helper, server, 'its answer cannot be read')
  if (login.Secret === '') return undefined
  return login.Username === TOKEN_USER
    ? {identityToken: login.Secret}
    : {username: login.Username, password: login.Secret}
}

async function answerOf(
  helper: string,
  how: Omit<Parameters<typeof askHelper>[1], 'server'>,
  server: string,
): Promise<string | undefined> {
  try {
    const answer = await runCredentialHelper(helper, {...how, verb: 'get', input: server})
    return answer?.found ? answer.text : undefined
  } catch (error) {
    throw how.signal?.aborted ? how.signal.reason : failed(helper, server, messageOf(error))
  }
}

function parse(text: string): z.infer<typeof ANSWER> | undefined {
  try {
    return ANSWER.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

function failed(helper: string, server: string, why: string): PluginError {
  return new PluginError(
    'CREDENTIALS_FAILED',
    `${helperProgram(helper)} did not tell the login of ${server}: ${why}`,
    {hint: 'sign in again with: docker login; or take the helper out of config.json of docker'},
  )
}
