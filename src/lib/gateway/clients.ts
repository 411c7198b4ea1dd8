import {PluginError} from '../base/errors.ts'
import {nearestNames} from '../base/near-names.ts'
import {accessOf, type AccessControl, type ClientAccess, isUnknown} from '../model/access.ts'
import {referencesIn, resolveReferences} from '../model/references.ts'
import type {ClientToken} from './downstream/clients.ts'
import {controlAccess} from './pipeline/access.ts'
import type {Middleware} from './pipeline/call.ts'
import type {Allows} from './relay/list-state.ts'

/** Shorter ones can be guessed. */
const SHORTEST_TOKEN = 16

/** Who may use what, and how clients prove who they are. */
export class Clients {
  /** The clients that have tokens of their own. */
  readonly tokens: readonly ClientToken[]
  readonly #control: AccessControl | undefined
  readonly #known = new Map<string | undefined, ClientAccess>()

  /** @param tokens see {@link clientTokens} */
  constructor(control: AccessControl | undefined, tokens: readonly ClientToken[]) {
    this.#control = control
    this.tokens = tokens
  }

  /** What a client may use. @param client its name, if it has proved it */
  of(client: string | undefined): ClientAccess {
    const known = this.#known.get(client) ?? accessOf(this.#control, client)
    this.#known.set(client, known)
    return known
  }

  /**
   * Refuses a client that the rules do not know.
   * @throws PluginError USAGE, see {@link mustBeKnown}
   */
  mustKnow(client: string | undefined): void {
    mustBeKnown(this.#control, client)
  }

  /** Those of the servers that a client may use, with those of their tools that it may. */
  servers<T extends {name: string; prefix: string | undefined; allows: Allows}>(
    all: readonly T[],
    client: string | undefined,
  ): readonly T[] {
    const access = this.of(client)
    return all
      .filter(({name}) => access.mayUse(name))
      .map(server => {
        const {name, prefix, allows} = server
        const allowed: Allows = (tool, definition) =>
          allows(tool, definition) &&
          access.allowsTool({server: name, tool, prefix}) &&
          (definition === undefined || access.allowsDefinition(definition))
        return {...server, allows: allowed}
      })
  }

  /** What governs the calls of a client, besides everything else: whatever a list may show, this has the last word. */
  governing(
    client: string | undefined,
    prefixOf: (server: string) => string | undefined,
  ): Middleware {
    return controlAccess(this.of(client), prefixOf)
  }
}

/**
 * The tokens of named clients, from the environment. A client whose variable is not set has none, and cannot come in.
 * @throws PluginError CONFIG_MISSING for a token that no header can carry, that can be guessed, or that two clients have
 */
export function clientTokens(
  control: AccessControl | undefined,
  env: NodeJS.ProcessEnv,
): readonly ClientToken[] {
  const owners = new Map<string, string>()
  for (const [client, {token: text = ''}] of Object.entries(control?.clients ?? {})) {
    const token = resolveReferences(text, env)
    if (!token) continue
    const what = `the token of client ${client} (${referencesIn(text).join(', ')})`
    if (!/^[\x21-\x7e]+$/.test(token) || token.length < SHORTEST_TOKEN) throw badToken(what)
    const other = owners.get(token)
    if (other !== undefined) throw sameToken(what, other)
    owners.set(token, client)
  }
  return [...owners].map(([token, client]) => ({client, token}))
}

/**
 * Refuses a client that is not under `accessControl.clients`, when anything is: the rules of nobody would hold for a name
 * with a mistake in it.
 * @param client the name that `--client` gives
 * @throws PluginError USAGE with the names that may be meant
 */
export function mustBeKnown(control: AccessControl | undefined, client: string | undefined): void {
  if (!isUnknown(control, client)) return
  const clients = Object.keys(control?.clients ?? {})
  const near = nearestNames(client, clients)
  throw new PluginError(
    'USAGE',
    `--client ${JSON.stringify(client)} is not under accessControl.clients in the gateway file`,
    {
      hint: near.length > 0 ? `did you mean ${near.join(' or ')}?` : `it has ${clients.join(', ')}`,
    },
  )
}

function badToken(what: string): PluginError {
  return new PluginError(
    'CONFIG_MISSING',
    `${what} is shorter than ${SHORTEST_TOKEN} characters, or holds some that no HTTP header can`,
    {hint: 'make one: openssl rand -hex 32'},
  )
}

function sameToken(what: string, other: string): PluginError {
  return new PluginError('CONFIG_MISSING', `${what} is also that of client ${other}`, {
    hint: 'give each client a token of its own',
  })
}
