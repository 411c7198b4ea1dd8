import {createServer, type IncomingMessage, type ServerResponse} from 'node:http'

/** Listens on a free port of this machine, reads each body whole, and prints its address on stderr. */
export function listenForBodies(
  onBody: (body: string, request: IncomingMessage, response: ServerResponse) => void,
): void {
  const listener = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => onBody(Buffer.concat(chunks).toString(), request, response))
  })
  listener.listen(0, '127.0.0.1', () => {
    process.stderr.write(`> http://127.0.0.1:${Object(listener.address()).port}/mcp\n`)
  })
}
