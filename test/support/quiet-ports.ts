import {randomInt} from 'node:crypto'
import {once} from 'node:events'
import {createServer, type Server} from 'node:net'
import {systemCode} from '../../src/lib/base/errors.ts'

/** Systems give no port of these to whoever wants any (Linux: ip_local_port_range; RFC 6335, 6: from 49152 on). */
const [FIRST, LAST] = [10_000, 29_999]

/** Whoever was given one may not listen yet. */
const given = new Set<number>()

/** Ports that nobody listens on, on any address of this machine, and that nobody is given by chance; none of them twice. */
export async function quietPorts(count: number): Promise<readonly number[]> {
  const taken = new Map<number, Server>()
  while (taken.size < count) {
    const port = randomInt(FIRST, LAST + 1)
    if (given.has(port)) continue
    given.add(port)
    const server = await listening(port)
    if (server) taken.set(port, server)
  }
  for (const server of taken.values()) {
    server.close()
    await once(server, 'close')
  }
  return [...taken.keys()]
}

/** @returns undefined when somebody else listens there */
async function listening(port: number): Promise<Server | undefined> {
  const server = createServer().listen(port, '0.0.0.0')
  try {
    await once(server, 'listening')
    return server
  } catch (error) {
    if (systemCode(error) === 'EADDRINUSE') return undefined
    throw error
  }
}
