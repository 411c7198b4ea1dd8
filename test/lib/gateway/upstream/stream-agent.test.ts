import {once} from 'node:events'
import {
  createServer,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http'
import type {Duplex} from 'node:stream'
import {expect, onTestFinished, test, vi} from 'vitest'
import {messageOf} from '../../../../src/lib/base/errors.ts'
import {sendHttp} from '../../../../src/lib/gateway/upstream/http.ts'
import {StreamAgent} from '../../../../src/lib/gateway/upstream/stream-agent.ts'
import {Inbox} from '../../../support/inbox.ts'
import {plainDuplex} from '../../../support/plain-duplex.ts'

const never = new AbortController().signal

interface Served {
  readonly server: HttpServer
  readonly agent: StreamAgent
  /** Every connection that was made, in order. */
  readonly connections: Duplex[]
  readonly get: (signal?: AbortSignal) => Promise<string>
}

/** A server, and an agent with ways to it. */
async function serve(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Served> {
  const server = createServer(handler)
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const {port} = Object(server.address())
  const connections: Duplex[] = []
  const agent = new StreamAgent(async () => {
    const connection = await plainDuplex(port)
    connections.push(connection)
    return connection
  })
  onTestFinished(async () => {
    agent.destroy()
    server.closeAllConnections()
    server.close()
    if (server.listening) await once(server, 'close')
  })
  const get = async (signal = never) => {
    const request = {method: 'GET', headers: new Headers(), signal, agent}
    return (await sendHttp('http://localhost:8080/mcp', request)).text()
  }
  return {server, agent, connections, get}
}

test('sends the host of the address, whatever the connection leads to', async () => {
  const {get} = await serve((request, response) => void response.end(request.headers.host))
  expect(await get()).toBe('localhost:8080')
})

test('has one request after the other on one connection', async () => {
  const {get, connections} = await serve((_request, response) => void response.end('so'))
  for (let count = 0; count < 20; count += 1) expect(await get()).toBe('so')
  expect(connections).toHaveLength(1)
  expect(connections[0]?.listenerCount('error')).toBeLessThan(5)
})

test('does not send over a connection that the server has closed meanwhile', async () => {
  const {server, get, connections} = await serve((_request, response) => void response.end('so'))
  await get()
  const [first] = connections
  server.closeIdleConnections()
  await expect.poll(() => first?.destroyed).toBe(true)
  expect(await get()).toBe('so')
  expect(connections).toHaveLength(2)
})

test('closes a connection that is not used before the server may do so', async () => {
  vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
  onTestFinished(() => void vi.useRealTimers())
  const {server, get, connections} = await serve((_request, response) => void response.end('so'))
  // The server's own clock goes on.
  server.keepAliveTimeout = 0
  await get()
  await vi.advanceTimersByTimeAsync(1500)
  await get()
  await vi.advanceTimersByTimeAsync(1500)
  expect(connections.map(({destroyed}) => destroyed)).toEqual([false])
  await vi.advanceTimersByTimeAsync(1500)
  expect(connections.map(({destroyed}) => destroyed)).toEqual([true])
})

test('keeps what finds no room waiting, and gives each its answer', async () => {
  const held = new Inbox<ServerResponse>()
  let most = 0
  const {get, connections} = await serve((_request, response) => {
    most = Math.max(most, connections.filter(({destroyed}) => !destroyed).length)
    held.add(response)
  })
  const answers = Array.from({length: 120}, () => get())
  for (let nth = 0; nth < answers.length; nth += 1) {
    // Only when there is no more room: then all who have it are here.
    if (nth === 0) await held.find(() => true, 49)
    const response = await held.find(() => true, nth)
    response.end(String(nth))
  }
  const all = (await Promise.all(answers)).map(Number).toSorted((a, b) => a - b)
  expect(all).toEqual(Array.from({length: 120}, (_, nth) => nth))
  expect(most).toBe(50)
})

test('gives up the connecting of a request that is given up, and serves the next ones', async () => {
  const held = new Inbox<ServerResponse>()
  const {get} = await serve((_request, response) => held.add(response))
  const leave = new AbortController()
  const left = Array.from({length: 60}, () => get(leave.signal))
  await held.find(() => true, 49)
  leave.abort(new Error('not wanted any more'))
  for (const one of await Promise.allSettled(left)) {
    expect(one).toMatchObject({reason: {message: expect.stringContaining('aborted')}})
  }
  const wanted = get()
  // The ten that had no room were never sent.
  const response = await held.find(() => true, 50)
  response.end('so')
  expect(await wanted).toBe('so')
})

test('tells each request why there is no connection, also those that wait', async () => {
  const refused = Object.assign(new Error('nobody listens'), {code: 'ECONNREFUSED'})
  const agent = new StreamAgent(() => Promise.reject(refused))
  const request = {method: 'GET', headers: new Headers(), signal: never, agent}
  const asked = Array.from({length: 120}, () => sendHttp('http://localhost:8080/', request))
  const told = await Promise.allSettled(asked)
  for (const one of told) {
    expect(one).toMatchObject({
      status: 'rejected',
      reason: {message: 'nobody listens', cause: refused},
    })
  }
})

test('tries again when there is no room for a connection yet', async () => {
  const {server} = await serve((_request, response) => void response.end('so'))
  let tries = 0
  const agent = new StreamAgent(async () => {
    tries += 1
    if (tries < 4) throw Object.assign(new Error('no room'), {code: 'EMFILE'})
    return plainDuplex(Object(server.address()).port)
  })
  onTestFinished(() => agent.destroy())
  const request = {method: 'GET', headers: new Headers(), signal: never, agent}
  const response = await sendHttp('http://localhost:8080/', request)
  expect(await response.text()).toBe('so')
  expect(tries).toBe(4)
})

test('ends every connection with itself, also one that is being made', async () => {
  const {agent, get, connections} = await serve(() => undefined)
  const failed = get().catch(messageOf)
  await expect.poll(() => connections.length).toBe(1)
  agent.destroy()
  expect(await failed).toBe('socket hang up')
  expect(connections.map(({destroyed}) => destroyed)).toEqual([true])

  const making = Promise.withResolvers<AbortSignal>()
  const made = Promise.withResolvers<Duplex>()
  const slow = new StreamAgent(signal => {
    making.resolve(signal)
    return made.promise
  })
  const request = {method: 'GET', headers: new Headers(), signal: never, agent: slow}
  const waiting = sendHttp('http://localhost:8080/', request)
  const signal = await making.promise
  slow.destroy()
  expect(signal.aborted).toBe(true)
  const {server} = await serve(() => undefined)
  const late = await plainDuplex(Object(server.address()).port)
  made.resolve(late)
  await expect(waiting).rejects.toThrow('aborted')
  expect(late.destroyed).toBe(true)
})
