import {request} from 'node:http'
import type {Duplex} from 'node:stream'
import {messageOf, PluginError} from '../../base/errors.ts'
import {ATTACH_PATH, ATTACH_PROTOCOL} from '../control/attach.ts'
import {refusalOf} from '../control/asking.ts'
import type {RunningGateway} from '../control/client.ts'

const ATTACH_MS = 10_000

/**
 * Opens a connection to a gateway that carries the stdio transport.
 * @param client the name of the client in the gateway file whose rules hold
 * @throws PluginError USAGE for a client that the gateway's access rules do not know; GATEWAY_UNREACHABLE, its cause what
 *   the system says
 */
export function attachTo({record}: RunningGateway, client: string | undefined): Promise<Duplex> {
  const query = !client ? '' : `?${new URLSearchParams({client}).toString()}`
  const asking = request({
    socketPath: record.socket,
    path: `${ATTACH_PATH}${query}`,
    headers: {connection: 'Upgrade', upgrade: ATTACH_PROTOCOL},
    agent: false,
    timeout: ATTACH_MS,
  })
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) => {
      const text = `the gateway with process id ${record.pid} does not take the client: ${why}`
      const hint =
        'start it again, so that both are of the same version: docker mcp gateway restart'
      reject(new PluginError('GATEWAY_UNREACHABLE', text, {hint, cause}))
    }
    asking.once('timeout', () => asking.destroy(new Error(`no answer in ${ATTACH_MS / 1000} s`)))
    asking.on('error', error => fail(messageOf(error), error))
    asking.once('response', response => {
      if (response.statusCode === 403) return void refusalOf(record, response).then(reject)
      response.destroy()
      fail(response.statusCode === 503 ? 'it has too many' : 'it knows no such request')
    })
    asking.once('upgrade', (_response, socket, head) => {
      socket.setTimeout(0)
      // Whoever holds it hears of its end.
      socket.on('error', () => undefined)
      if (head.length > 0) socket.unshift(head)
      resolve(socket)
    })
    asking.end()
  })
}
