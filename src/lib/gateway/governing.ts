import type {Serving} from './gateway.ts'
import {compose, type Handler} from './pipeline/call.ts'

/**
 * Puts around the sending of a client's calls what governs them now: with the next call it may be something else.
 * @param client the name that the client has proved; undefined for one without
 */
export function governing(
  serving: () => Serving,
  client: string | undefined,
): (send: Handler) => Handler {
  return send => {
    let current = serving()
    let governed = composed(current, client, send)
    return call => {
      if (current !== serving()) {
        current = serving()
        governed = composed(current, client, send)
      }
      return governed(call)
    }
  }
}

function composed(
  {plan, clients, middlewares}: Serving,
  client: string | undefined,
  send: Handler,
): Handler {
  const prefixes = new Map(plan.servers.map(({name, prefix}) => [name, prefix]))
  const access = clients.governing(client, server => prefixes.get(server))
  return compose([access, ...middlewares], send)
}
