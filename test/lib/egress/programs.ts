// Programs that run in a container, each the body of an async function with `args`. What goes wrong is told by its code.

/** HOST PORT: connects as a program does that knows no proxy, and tells what it hears first. */
export const HELLO = `
  const [host, port] = args
  const socket = require('net').connect(port, host)
  const [line] = await require('events').once(socket, 'data')
  console.log(String(line).trim())
  socket.destroy()
`

/** URL: as a program does that uses fetch, through a proxy when its environment says so. */
export const FETCH = `
  const response = await fetch(args[0])
  console.log(response.status, (await response.text()).trim())
`

/** TEXT END: says it to the proxy, ends its side or not, and tells all that comes back. */
export const SAY = `
  const socket = require('net').connect(3128, '127.0.0.1')
  socket.write(args[0])
  if (args[1] === 'end') socket.end()
  console.log(await require('stream/consumers').text(socket))
`

/** NAME: looks it up. */
export const LOOKUP = `
  const dns = require('dns/promises')
  console.log(JSON.stringify(await dns.lookup(args[0], {all: true})))
`

/** COUNT: looks so many names up. */
export const LOOKUPS = `
  const {Resolver} = require('dns/promises')
  const resolver = new Resolver()
  const names = Array.from({length: Number(args[0])}, (_, each) => 'n' + each + '.evil.test')
  const all = await Promise.allSettled(names.map(name => resolver.resolve4(name)))
  console.log(all.filter(each => each.status === 'rejected').length)
`

/** COUNT: asks for so many names at once, each from a socket of its own and once only, and counts the answers. */
export const ASK_AT_ONCE = `
  const {createSocket} = require('dgram')
  const {once} = require('events')
  const name = Buffer.from('\\x07allowed\\x04test\\0')
  const sockets = Array.from({length: Number(args[0])}, () => createSocket('udp4'))
  for (const socket of sockets) {
    socket.bind(0)
    await once(socket, 'listening')
  }
  const answered = sockets.map(async (socket, id) => {
    const query = Buffer.concat([Buffer.alloc(12), name, Buffer.of(0, 1, 0, 1)])
    query.writeUInt16BE(id, 0)
    query.writeUInt16BE(1, 4)
    const answer = once(socket, 'message')
    socket.send(query, 53, '127.0.0.53')
    const [bytes] = await answer
    socket.close()
    return bytes.readUInt16BE(0) === id && bytes.subarray(-4).join('.') === '127.1.0.1'
  })
  console.log((await Promise.all(answered)).filter(Boolean).length)
`

/** HOST PORT BYTES: sends so many, ends its side, and tells what it is told then. */
export const UPLOAD = `
  const [host, port, bytes] = args
  const socket = require('net').connect({host, port, allowHalfOpen: true})
  socket.end(Buffer.alloc(Number(bytes)))
  console.log(await require('stream/consumers').text(socket))
`

/** HOST PORT BYTES COUNT: has so many random bytes repeated on each of so many connections at once, and compares. */
export const ECHO = `
  const [host, port, bytes, count] = args
  const {buffer} = require('stream/consumers')
  const sent = require('crypto').randomBytes(Number(bytes))
  const one = async () => {
    const socket = require('net').connect({host, port, allowHalfOpen: true})
    socket.end(sent)
    const heard = await buffer(socket)
    return heard.subarray(heard.indexOf(10) + 1).equals(sent)
  }
  const all = await Promise.all(Array.from({length: Number(count)}, one))
  console.log(all.filter(Boolean).length + ' of ' + all.length)
`

/** HOST PORT: has 10 MB repeated and does not read them, until another connection has had an answer. */
export const SLOW = `
  const [host, port] = args
  const {connect} = require('net')
  const {once} = require('events')
  const slow = connect(port, host)
  await once(slow, 'connect')
  slow.pause()
  const bytes = 10_000_000
  slow.end(Buffer.alloc(bytes))
  for (let turn = 0; turn < 20; turn += 1) {
    const other = connect(port, host)
    const [line] = await once(other, 'data')
    if (!String(line).startsWith('hello')) throw new Error('no answer')
    other.destroy()
  }
  let heard = 0
  for await (const chunk of slow) heard += chunk.length
  console.log(heard > bytes ? 'all' : heard)
`

/** PORT TEXT: listens and says it to the first who comes. */
export const LISTEN = `
  const server = require('net').createServer(socket => {
    socket.end(args[1])
    server.close()
  })
  server.listen(args[0], '127.0.0.1')
`

/** HOST PORT WHO: when it has heard something, resets the connection or has the other side do it, and tells how it ended. */
export const RESET = `
  const [host, port, who] = args
  const {once} = require('events')
  const socket = require('net').connect(port, host)
  await once(socket, 'data')
  if (who === 'here') socket.resetAndDestroy()
  else socket.write('reset')
  await once(socket, 'close')
  console.log('closed')
`
