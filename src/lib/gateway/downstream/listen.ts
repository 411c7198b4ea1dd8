import {createServer, type RequestListener, type Server} from 'node:http'
import {createServer as createTlsServer} from 'node:https'
import type {AddressInfo, Socket} from 'node:net'
import {messageOf, PluginError, systemCode} from '../../base/errors.ts'
import {TLS_VERSIONS, type TlsPair} from './tls.ts'

/** What a client may take to agree on TLS; nothing else can come from it before. */
const HANDSHAKE_MS = 10_000

/** A listening HTTP server. Disposing of it ends its connections, whatever they are doing. */
export interface Listening extends AsyncDisposable {
  /** The port it got, which is the wanted one unless that was 0. */
  readonly port: number
  readonly server: Server
}

/**
 * Listens over HTTP/1.1, or over HTTPS when there is a certificate.
 * @throws PluginError PORT_IN_USE, LISTEN_FAILED
 */
export async function listen(
  app: RequestListener,
  {host, port, tls}: {host: string; port: number; tls?: TlsPair | undefined},
): Promise<Listening> {
  const server = tls
    ? createTlsServer({...tls, ...TLS_VERSIONS, handshakeTimeout: HANDSHAKE_MS}, app)
    : createServer(app)
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    // It stays: what fails later (no file descriptor for a connection) must not end the process.
    server.on('error', error => reject(listenError(error, host, port)))
    server.listen(port, host, resolve)
  })
  const address = server.address()
  return {
    server,
    port: isAddress(address) ? address.port : port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>(resolve => void server.close(() => resolve()))
      // The server itself does not know the connections that have not agreed on TLS yet.
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function isAddress(address: string | AddressInfo | null): address is AddressInfo {
  return typeof address === 'object' && address !== null
}

function listenError(error: Error, host: string, port: number): PluginError {
  const code = systemCode(error)
  if (code === 'EADDRINUSE') {
    return new PluginError('PORT_IN_USE', `port ${port} on ${host} is in use by another program`, {
      hint: 'choose another one with --port, or stop the other program',
      cause: error,
    })
  }
  const why = code === 'EACCES' ? 'this user may not open that port' : messageOf(error)
  return new PluginError('LISTEN_FAILED', `cannot listen on ${host} port ${port}: ${why}`, {
    hint: 'choose a --host of this machine and a --port above 1023',
    cause: error,
  })
}
