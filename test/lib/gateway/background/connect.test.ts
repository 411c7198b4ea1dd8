import {once} from 'node:events'
import {createInterface} from 'node:readline'
import {type Duplex, duplexPair, PassThrough} from 'node:stream'

import {expect, test} from 'vitest'
import * as z from 'zod'

import {connectClient} from '../../../../src/lib/gateway/background/connect.ts'

const WELCOME = {result: {capabilities: {}}}
const REFUSED = {error: {code: -32_603, message: 'full'}}

/** More than is sent on to somebody who does not read. */
const MUCH = `${JSON.stringify({jsonrpc: '2.0', method: 'x', params: {text: 'x'.repeat(9 * 1024 * 1024)}})}\n`

test('nothing is left of the waiting for a client that reads slowly', async () => {
  const [gateway, socket] = duplexPair()
  const [stdin, stdout, end] = [new PassThrough(), new PassThrough(), new AbortController()]
  const over = connectClient({
    stdin,
    stdout,
    open: async () => socket,
    notify: () => undefined,
    signal: end.signal,
  })
  const listeners = () => stdout.listenerCount('close') + stdout.listenerCount('drain')
  const before = listeners()
  for (let round = 0; round < 3; round += 1) {
    gateway.write(MUCH)
    await expect.poll(() => socket.isPaused()).toBe(true)
    expect(listeners()).toBe(before + 2)
    const drained = once(stdout, 'drain')
    stdout.resume()
    await drained
    await expect.poll(() => socket.isPaused()).toBe(false)
    stdout.pause()
    expect(listeners()).toBe(before)
  }
  end.abort()
  gateway.resume().end()
  await over
})

test('a client that the next gateway does not take is told so, also what it had asked before', async () => {
  const [stdin, stdout, end] = [new PassThrough(), new PassThrough(), new AbortController()]
  const gateways: Duplex[] = []
  const ask = (id: string, method: string) =>
    stdin.write(`${JSON.stringify({jsonrpc: '2.0', id, method})}\n`)
  const over = connectClient({
    stdin,
    stdout,
    open: async () => {
      const [gateway, socket] = duplexPair()
      gateways.push(gateway)
      gateway.on('error', () => undefined)
      // It answers what it is asked first, and nothing more.
      gateway.once('data', (chunk: Buffer) => {
        if (gateways.length === 2) ask('call', 'tools/call')
        const {id} = z.object({id: z.string()}).parse(JSON.parse(String(chunk)))
        gateway.write(
          `${JSON.stringify({jsonrpc: '2.0', id, ...(gateways.length === 1 ? WELCOME : REFUSED)})}\n`,
        )
      })
      return socket
    },
    notify: () => undefined,
    signal: end.signal,
  })
  const lines = createInterface(stdout)[Symbol.asyncIterator]()
  const answer = async () => JSON.parse((await lines.next()).value ?? '')
  ask('hello', 'initialize')
  expect(await answer()).toMatchObject({id: 'hello', result: {}})
  ask('tools', 'tools/list')
  await once(gateways[0] ?? stdin, 'data')
  gateways[0]?.resume().end()
  const refused = {message: expect.stringContaining('does not take this client: full')}
  expect([await answer(), await answer()]).toMatchObject([
    {id: 'tools', error: refused},
    {id: 'call', error: refused},
  ])
  end.abort()
  for (const gateway of gateways) gateway.resume().end()
  await over
})
