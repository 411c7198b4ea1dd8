import {once} from 'node:events'
import {mkdtemp, rm} from 'node:fs/promises'
import type {IncomingMessage, ServerResponse} from 'node:http'
import {createServer} from 'node:https'
import {connect, createServer as createTcpServer, type AddressInfo, type Socket} from 'node:net'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {authority} from '../engines/authority.ts'

/** What a host answers to one request. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A host on loopback that speaks HTTPS, with a certificate of an authority that only the test knows. */
export interface HttpsHost extends AsyncDisposable {
  /** `https://127.0.0.1:…`, without a slash at its end. */
  readonly url: string
  readonly port: number
  /** The authority's certificate, in PEM. */
  readonly ca: string
  /** What it was asked so far. */
  readonly asked: readonly {readonly path: string; readonly headers: IncomingMessage['headers']}[]
  /** From now on it answers so. */
  answer(handler: Handler): void
}

/** The name that its certificate has besides those of loopback; nobody resolves it. */
export const HOST_NAME = 'catalogs.example.test'

export async function httpsHost(first: Handler): Promise<HttpsHost> {
  const folder = await mkdtemp(join(tmpdir(), 'https-host-'))
  const issuer = await authority(join(folder, 'authority'))
  const names = `DNS:${HOST_NAME},DNS:localhost,IP:127.0.0.1`
  const {cert, key} = await issuer.issue('host', names)
  await rm(folder, {recursive: true})
  let handler = first
  const asked: {path: string; headers: IncomingMessage['headers']}[] = []
  const server = createServer({cert, key}, (request, response) => {
    asked.push({path: request.url ?? '', headers: request.headers})
    response.on('error', () => undefined)
    handler(request, response)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const {port} = server.address() as AddressInfo
  return {
    url: `https://127.0.0.1:${port}`,
    port,
    ca: issuer.ca,
    asked,
    answer(next) {
      handler = next
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** A proxy on loopback for HTTPS; wherever it should go, it goes to one port of this machine. */
export interface TestProxy extends AsyncDisposable {
  readonly url: string
  /** The places that it was told to connect to. */
  readonly asked: readonly string[]
}

export async function proxyTo(port: number): Promise<TestProxy> {
  const asked: string[] = []
  const open = new Set<Socket>()
  const server = createTcpServer(socket => {
    open.add(socket)
    socket.on('error', () => undefined).on('close', () => open.delete(socket))
    socket.once('data', (head: Buffer) => {
      const [, place = ''] = /^CONNECT (\S+)/.exec(head.toString()) ?? []
      asked.push(place)
      const onward = connect(port, '127.0.0.1')
      open.add(onward)
      onward.on('error', () => socket.destroy()).on('close', () => open.delete(onward))
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.pipe(onward).pipe(socket)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}
