/**
 * The least that a relay of the legacy era can be, to compare the gateway with: HTTP in, one container for each
 * session, ids swapped. It checks nothing and governs nothing.
 *
 * `node scripts/bench/bare-relay.ts <image> <server>` prints its address on stderr.
 */
import {randomUUID} from 'node:crypto'
import type {ServerResponse} from 'node:http'
import {listenForBodies} from './relay-http.ts'
import {startRelayed, type RelayedServer} from './relayed-server.ts'

const [image = '', server = ''] = process.argv.slice(2)
const sessions = new Map<string, RelayedServer>()

async function openSession(body: string, response: ServerResponse): Promise<void> {
  const id = randomUUID()
  const session = await startRelayed(image, server, {'mcp-session-id': id})
  sessions.set(id, session)
  session.relay(body, response)
}

listenForBodies((body, {headers}, response) => {
  const session = sessions.get(String(headers['mcp-session-id']))
  if (session) session.relay(body, response)
  else void openSession(body, response)
})
