import type {JsonObject} from '../base/json.ts'
import type {ListedClient} from './list.ts'
import type {ServerEntry} from './server-entries.ts'

/** What stands for what may be a secret. */
const HIDDEN = '…'

/**
 * Clients as docker's own plugin lists them in JSON: an object keyed by their ids. Values of variables and headers, and
 * what in a command line may be a credential, are not shown.
 * @param scope of a project, `isConfigured` stands in the place of two other members
 */
export async function listing(
  clients: readonly ListedClient[],
  scope: 'global' | 'project',
): Promise<Record<string, JsonObject>> {
  const {findLeak} = await import('../secrets/leak-rules.ts')
  const isSecret = (text: string) => findLeak(text) !== undefined
  return Object.fromEntries(
    clients.map(listed => [listed.client.id, itemOf(listed, scope, isSecret)]),
  )
}

/** An address without what in it may be a credential. */
export async function shownAddress(url: string): Promise<string> {
  const {findLeak} = await import('../secrets/leak-rules.ts')
  return shownUrl(url, text => findLeak(text) !== undefined)
}

function itemOf(
  {client, servers, error, isInstalled, isSupported, isConfigured}: ListedClient,
  scope: 'global' | 'project',
  isSecret: (text: string) => boolean,
): JsonObject {
  const of = (type: ServerEntry['type']) =>
    (servers?.entries ?? []).filter(entry => entry.type === type)
  return {
    displayName: client.name,
    source: client.source,
    icon: client.icon ?? '',
    configName: client.id,
    dockerMCPCatalogConnected: servers?.own !== undefined,
    profile: servers?.profile ?? '',
    error: error ? {...error} : null,
    Cfg: servers
      ? {
          STDIOServers: of('stdio').map(entry => started(entry, isSecret)),
          SSEServers: of('sse').map(entry => asked(entry, isSecret)),
          HTTPServers: of('http').map(entry => asked(entry, isSecret)),
        }
      : null,
    ...(scope === 'global' ? {isInstalled, isOsSupported: isSupported} : {isConfigured}),
  }
}

function started(
  {name, command, args, env}: ServerEntry,
  isSecret: (text: string) => boolean,
): JsonObject {
  const shown = shownWords(args, isSecret)
  return {name, command, args: [...shown], ...(isFilled(env) ? {env: hidden(env)} : {})}
}

function asked({name, url, headers}: ServerEntry, isSecret: (text: string) => boolean): JsonObject {
  return {
    name,
    url: shownUrl(url, isSecret),
    ...(isFilled(headers) ? {headers: hidden(headers)} : {}),
  }
}

function isFilled(map: JsonObject): boolean {
  return Object.keys(map).length > 0
}

function hidden(map: JsonObject): JsonObject {
  return Object.fromEntries(Object.keys(map).map(name => [name, HIDDEN]))
}

const SECRET = '(?:token|key|secret|password|passwd|auth|header|credential)s?'
/** The next word is a secret. */
const SECRET_FLAG = new RegExp(`^--?[\\w-]*${SECRET}$`, 'i')
/** What follows the `=` is one. */
const SECRET_WORD = new RegExp(`^(?:--?[\\w-]*|\\w*)${SECRET}=`, 'i')
/** The next word sets a variable, as `docker run` has it, or this one does. */
const ENV_FLAG = /^(?:-e|--env)$/
const ENV_WORD = /^(?:-e|--env=)\w+=/

function shownWords(
  args: readonly string[],
  isSecret: (text: string) => boolean,
): readonly string[] {
  return args.map((word, index) => {
    const before = args[index - 1] ?? ''
    if (SECRET_FLAG.test(before)) return HIDDEN
    const [known] = SECRET_WORD.exec(word) ?? ENV_WORD.exec(word) ?? []
    if (known !== undefined) return known + HIDDEN
    if (ENV_FLAG.test(before) && word.includes('='))
      return `${word.split('=', 1).join('')}=${HIDDEN}`
    return shownUrl(word, isSecret)
  })
}

/** Logins and what follows the path of an address are how keys are handed over. */
function shownUrl(text: string, isSecret: (text: string) => boolean): string {
  const shown = text
    .replace(/^([a-z][a-z\d+.-]*:\/\/)[^/?#@]*@/i, `$1${HIDDEN}@`)
    .replace(/^([a-z][a-z\d+.-]*:\/\/[^?#]*[?#]).+$/is, `$1${HIDDEN}`)
  return isSecret(shown) ? HIDDEN : shown
}
