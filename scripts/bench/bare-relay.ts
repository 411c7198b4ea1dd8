/**
 * The least that a relay can be, to compare the gateway with: HTTP in, one container for each session, ids swapped.
 * It checks nothing and governs nothing. The connection to the container is the gateway's own code, so that what
 * differs is the relay. When it is killed, the engine ends the stdin of its containers, and they leave.
 *
 * `node scripts/bench/bare-relay.ts <image> <server>` prints its address on stderr.
 */
import {randomUUID} from 'node:crypto'
import {createServer, type ServerResponse} from 'node:http'
import {splitFrames} from '../../src/lib/engine/frames.ts'
import {containerOptions} from '../../src/lib/engine/options.ts'
import {lineReader} from '../../src/lib/gateway/wire/lines.ts'
import {benchEngine} from './containers.ts'

const [image = '', server = ''] = process.argv.slice(2)
const LONGEST_LINE = 64 * 1024 * 1024
const engine = await benchEngine()
const relays = new Map<string, Awaited<ReturnType<typeof openRelay>>>()

async function openRelay(session: string) {
  const own = {server, session, image, owner: 'bench', command: [], env: [], volumes: []}
  const limits = {cpus: 1, memoryBytes: 2 * 1024 ** 3, pids: 512}
  const id = await engine.create(
    containerOptions({...own, networkDisabled: true, extraHosts: [], limits}),
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
      asked.response.writeHead(200, {'content-type': 'application/json', 'mcp-session-id': session})
      asked.response.end(JSON.stringify({...message, id: asked.id}))
    },
    onOversize: () => undefined,
  })
  void splitFrames(socket, {stdout: chunk => lines.push(chunk), stderr: () => undefined})
  return (body: string, response: ServerResponse) => {
    const message = JSON.parse(body)
    if (message.id === undefined) {
      socket.write(`${body}\n`)
      return void response.writeHead(202).end()
    }
    last += 1
    waiting.set(last, {id: message.id, response})
    socket.write(`${JSON.stringify({...message, id: last})}\n`)
  }
}

async function openSession(body: string, response: ServerResponse): Promise<void> {
  const session = randomUUID()
  const relay = await openRelay(session)
  relays.set(session, relay)
  relay(body, response)
}

const listener = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const body = Buffer.concat(chunks).toString()
    const relay = relays.get(String(request.headers['mcp-session-id']))
    if (relay) relay(body, response)
    else void openSession(body, response)
  })
})
listener.listen(0, '127.0.0.1', () => {
  process.stderr.write(`> http://127.0.0.1:${Object(listener.address()).port}/mcp\n`)
})
