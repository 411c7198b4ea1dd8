import type {ServerResponse} from 'node:http'
import {splitFrames} from '../../src/lib/engine/frames.ts'
import {containerOptions} from '../../src/lib/engine/options.ts'
import {lineReader} from '../../src/lib/gateway/wire/lines.ts'
import {benchEngine} from './containers.ts'

const LONGEST_LINE = 64 * 1024 * 1024
const engine = await benchEngine()

/** A server in a container of its own. */
export interface RelayedServer {
  /** Passes a message on; the response gets what the server answers, under the id that the message came with. */
  relay(body: string, response: ServerResponse): void
}

/**
 * Starts a server and swaps the ids of requests to it. The connection to its container is the gateway's own code, so
 * that what differs is the relay. When the relay is killed, the engine ends the stdin of its containers, and they leave.
 * @param headers for every answer
 */
export async function startRelayed(
  image: string,
  server: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<RelayedServer> {
  const facts = await engine.inspectImage(image)
  if (!facts) throw new Error(`the engine has no image ${image}`)
  const id = await engine.create(
    containerOptions({
      server,
      image,
      facts,
      owner: 'bench',
      command: [],
      entry: {kind: 'plain', env: []},
      mounts: [],
      network: {kind: 'none'},
      security: {profile: 'default', capAdd: [], tmpfs: []},
      secretFiles: false,
      transport: 'stdio',
      limits: {cpus: 1, memoryBytes: 2 * 1024 ** 3, pids: 256, diskBytes: 1024 ** 3},
    }),
  )
  const socket = await engine.attach(id)
  await engine.start(id)
  const waiting = new Map<number, {readonly id: unknown; readonly response: ServerResponse}>()
  let last = 0
  const lines = lineReader(LONGEST_LINE, {
    onLine(line) {
      const message = JSON.parse(line)
      const asked = waiting.get(message.id)
      if (!asked) return
      waiting.delete(message.id)
      asked.response.writeHead(200, {'content-type': 'application/json', ...headers})
      asked.response.end(JSON.stringify({...message, id: asked.id}))
    },
    onOversize: () => undefined,
  })
  void splitFrames(socket, {stdout: chunk => lines.push(chunk), stderr: () => undefined})
  return {
    relay(body, response) {
      const message = JSON.parse(body)
      if (message.id === undefined) {
        socket.write(`${body}\n`)
        return void response.writeHead(202).end()
      }
      last += 1
      waiting.set(last, {id: message.id, response})
      socket.write(`${JSON.stringify({...message, id: last})}\n`)
    },
  }
}
