import type {JsonObject} from '../base/json.ts'
import type {GatewayFile} from './gateway-file.ts'

export type AccessControl = NonNullable<GatewayFile['accessControl']>
type Rules = Omit<AccessControl, 'defaultPolicy' | 'clients'>

/** A tool, as its server calls it. */
export interface ToolName {
  readonly server: string
  readonly tool: string
  /** What stands before the names of this server's tools, if its entry says so. */
  readonly prefix?: string | undefined
}

/** What one client may use. What is not certain is not allowed. */
export interface ClientAccess {
  /** Whether anything of a server may be used: its prompts and resources, and those of its tools that are allowed. */
  mayUse(server: string): boolean
  /** Whether a tool may be used, as far as its name tells. */
  allowsTool(tool: ToolName): boolean
  /** Whether a tool may be used, as far as its definition tells; undefined: nobody knows how it is defined. */
  allowsDefinition(definition: JsonObject | undefined): boolean
  /** Whether that matters: whether any of the rules looks at definitions. */
  readonly readsDefinitions: boolean
  /** Equal for two clients if and only if the same rules hold for them. */
  readonly key: string
}

const EVERYTHING: ClientAccess = {
  mayUse: () => true,
  allowsTool: () => true,
  allowsDefinition: () => true,
  readsDefinitions: false,
  key: '',
}

/**
 * What a client may use. The rules at the top hold for everybody; a client's own narrow them further. With the policy
 * `deny`, only what its own lists of allowed servers and tools name is left. For a name that is not under `clients`, when
 * anything is, nothing is left: nobody knows what was meant for it.
 * @param client its name, if it has proved it; what a client says of itself does not count
 */
export function accessOf(
  control: AccessControl | undefined,
  client: string | undefined,
): ClientAccess {
  if (!control) return EVERYTHING
  const {defaultPolicy = 'allow', clients = {}, ...top} = control
  const {token: _, ...own} =
    client !== undefined && Object.hasOwn(clients, client) ? (clients[client] ?? {}) : {}
  const isNamed = own.allowedServers !== undefined || own.allowedTools !== undefined
  const isClosed = (defaultPolicy === 'deny' && !isNamed) || isUnknown(control, client)
  const all: readonly Rules[] = [top, own]
  const isReadOnly = all.some(({readOnly}) => readOnly)
  return {
    mayUse: server => !isClosed && all.every(rules => mayUse(rules, server)),
    allowsTool: tool => !isClosed && all.every(rules => allowsTool(rules, tool)),
    allowsDefinition: definition => !isClosed && (!isReadOnly || readsOnly(definition)),
    readsDefinitions: isReadOnly,
    key: JSON.stringify([isClosed, top, own]),
  }
}

/** Whether a client was named that the rules do not know, as one with a mistake in its name. Rules of nobody know all. */
export function isUnknown(
  control: AccessControl | undefined,
  client: string | undefined,
): client is string {
  const clients = control?.clients ?? {}
  return Boolean(client) && Object.keys(clients).length > 0 && !Object.hasOwn(clients, client ?? '')
}

function mayUse({allowedServers, deniedServers, allowedTools}: Rules, server: string): boolean {
  if (deniedServers?.some(glob => matches(glob, server))) return false
  if (allowedServers) return allowedServers.some(glob => matches(glob, server))
  // Who may use certain tools only may use their servers, and no others.
  return allowedTools?.some(pattern => matches(serverPart(pattern), server)) ?? true
}

function allowsTool(rules: Rules, tool: ToolName): boolean {
  const {allowedTools, deniedTools} = rules
  if (!mayUse(rules, tool.server)) return false
  if (deniedTools?.some(pattern => denies(pattern, tool))) return false
  return allowedTools?.some(pattern => namesTool(pattern, tool)) ?? true
}

/** A server gives its tools any names, so `github:get` is allowed of the server github and of no other. */
function namesTool(pattern: string, {server, tool}: ToolName): boolean {
  const [wanted, name] = split(pattern)
  return matches(wanted, server) && matches(name, tool)
}

/** However a person may have seen a tool's name, it counts where it is forbidden. */
function denies(pattern: string, tool: ToolName): boolean {
  const {server, tool: name, prefix} = tool
  const shown = [name, `${server}__${name}`, ...(prefix ? [`${prefix}__${name}`] : [])]
  return namesTool(pattern, tool) || shown.some(text => matches(pattern, text))
}

function serverPart(pattern: string): string {
  return split(pattern)[0]
}

function split(pattern: string): readonly [server: string, tool: string] {
  const at = pattern.indexOf(':')
  return at === -1 ? ['*', pattern] : [pattern.slice(0, at), pattern.slice(at + 1)]
}

function readsOnly(definition: JsonObject | undefined): boolean {
  return Object(definition?.['annotations'])['readOnlyHint'] === true
}

/** Whether a text is what a glob says, in which `*` stands for any text. Takes no longer than both are long together. */
function matches(glob: string, text: string): boolean {
  const [first = '', ...others] = glob.split('*')
  const last = others.pop()
  if (last === undefined) return text === glob
  if (!text.startsWith(first) || text.length < first.length + last.length) return false
  const end = text.length - last.length
  let at = first.length
  for (const part of others) {
    const found = text.indexOf(part, at)
    if (found === -1 || found + part.length > end) return false
    at = found + part.length
  }
  return at <= end && text.endsWith(last)
}
