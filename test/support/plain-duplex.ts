import {once} from 'node:events'
import {connect} from 'node:net'
import {Duplex} from 'node:stream'

/**
 * Connects to a port of the loopback and gives a stream that has nothing of a socket, as a way into a container does.
 * @throws the system's error, such as ECONNREFUSED
 */
export async function plainDuplex(port: number): Promise<Duplex> {
  const socket = connect({host: '127.0.0.1', port, allowHalfOpen: true})
  await once(socket, 'connect')
  const stream = new Duplex({
    read: () => void socket.resume(),
    write: (chunk, _encoding, done) => void socket.write(chunk, done),
    final: done => void socket.end(done),
    destroy(error, done) {
      socket.destroy()
      done(error)
    },
  })
  socket.on('data', (chunk: Buffer) => {
    if (!stream.push(chunk)) socket.pause()
  })
  socket.once('end', () => void stream.push(null))
  socket.on('error', error => void stream.destroy(error))
  socket.once('close', () => void (stream.readableEnded || stream.destroy()))
  return stream
}
