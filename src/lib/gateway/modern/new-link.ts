import type {JsonObject} from '../../base/json.ts'
import {LegacyServer} from '../bridge/legacy-server.ts'
import type {Parking} from '../bridge/parking.ts'
import {gatewayInfo, LEGACY_VERSIONS} from '../relay/hello.ts'
import type {ClientHello} from '../relay/link.ts'
import type {Id, Notification} from '../wire/jsonrpc.ts'
import {META, MODERN_VERSIONS} from '../wire/meta.ts'
import {EraLink} from './era-link.ts'
import type {ExchangedServer, ExchangesInput} from './exchanges.ts'
import type {SharedServers} from './shared-servers.ts'
import {SharedView} from './shared-view.ts'
import type {View} from './view.ts'

/** Whom a link is for. */
export interface LinkOf {
  /** The view's own id. */
  readonly id: string
  /** Of its clients. */
  readonly capabilities: JsonObject
  /** Undefined as long as it is made. */
  readonly view: () => View | undefined
}

/** What the links of all views have in common. */
interface Common extends Pick<ExchangesInput, 'events' | 'memory' | 'now' | 'version'> {
  readonly parking: Parking
  readonly shared: SharedServers
  /** Takes what a legacy server says: about a request, or to a view. */
  readonly hear: (message: Notification, about: Id | undefined, view: View | undefined) => void
}

/** A view's link to a server, whatever era that is of. What it finds out when it is not used any more is of no use. */
export function newEraLink(
  server: ExchangedServer,
  {id, capabilities, view}: LinkOf,
  {now, events, memory, version, parking, shared, hear}: Common,
): EraLink {
  const {name, openers, startTimeoutMs, policy, life} = server
  const {legacy: open} = openers
  const clientInfo = gatewayInfo(version)
  const protocolVersion = LEGACY_VERSIONS[0]
  const hello: ClientHello = {
    protocolVersion,
    params: {protocolVersion, capabilities, clientInfo},
  }
  const legacy = new LegacyServer({
    server: {
      name,
      open,
      startTimeoutMs,
      // It may show only when the server is opened.
      get tellsOrigin() {
        return openers.tellsOrigin
      },
      policy,
      life,
    },
    view: id,
    hello,
    parking,
    now,
    events: {
      onOpened: answer => current()?.opened(name, answer),
      onReopened: () => current()?.reopened(name),
      onFailed: error => {
        if (current()) events.onFailed(name, error)
      },
      onNotification: (message, about) => hear(message, about, current()),
    },
  })
  const own = {
    [META.version]: MODERN_VERSIONS[0],
    [META.client]: clientInfo,
    [META.capabilities]: capabilities,
  }
  const modern = shared.of(server)
  const link: EraLink = new EraLink({
    server: name,
    modern: modern && new SharedView(modern, own),
    legacy,
    eras: memory,
    isRemote: openers.tellsOrigin,
    now,
    onModern: (opened, until) => current()?.openedModern(opened, until),
  })
  const current = () => (view()?.has(link) ? view() : undefined)
  return link
}
