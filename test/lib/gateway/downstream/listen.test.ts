import {once} from 'node:events'
import {readFile} from 'node:fs/promises'
import {request} from 'node:https'
import {connect} from 'node:net'
import {join} from 'node:path'
import {connect as connectTls} from 'node:tls'
import {describe, expect, test} from 'vitest'
import {listen} from '../../../../src/lib/gateway/downstream/listen.ts'

const FILES = join(import.meta.dirname, '../../../fixtures/tls')
const host = '127.0.0.1'
const pair = async () => ({
  cert: await readFile(join(FILES, 'cert.pem')),
  key: await readFile(join(FILES, 'key.pem')),
})

describe('listen', () => {
  test('says so when the port is taken', async () => {
    await using first = await listen(() => undefined, {host, port: 0})
    const {port} = first
    await expect(listen(() => undefined, {host, port})).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: `port ${port} on 127.0.0.1 is in use by another program`,
    })
  })

  test.each(['192.0.2.1', 'no-such-host.invalid'])(
    'says so when %s is no address of this machine',
    async foreign => {
      await expect(listen(() => undefined, {host: foreign, port: 0})).rejects.toMatchObject({
        code: 'LISTEN_FAILED',
        message: expect.stringContaining(`cannot listen on ${foreign} port 0: `),
      })
    },
  )

  test('outlives an error of the listening socket', async () => {
    await using listening = await listen(() => undefined, {host, port: 0})
    expect(listening.server.emit('error', new Error('accept EMFILE'))).toBe(true)
  })

  test('with a certificate speaks HTTPS, from TLS 1.2 on', async () => {
    const tls = await pair()
    await using listening = await listen((_, response) => void response.end('in'), {
      host,
      port: 0,
      tls,
    })
    const {port} = listening
    const outgoing = request({host, port, ca: tls.cert, agent: false}).end()
    const [incoming] = await once(outgoing, 'response')
    expect(incoming.statusCode).toBe(200)
    const older = {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    } as const
    const old = connectTls({host, port, ca: tls.cert, ...older})
    await expect(once(old, 'secureConnect')).rejects.toThrow(/alert protocol version/)
    incoming.destroy()
  })

  test('with a certificate survives clients that speak no TLS', async () => {
    const tls = await pair()
    await using listening = await listen(() => undefined, {host, port: 0, tls})
    const plain = connect(listening.port, host)
    plain.write('GET / HTTP/1.1\r\n\r\n')
    plain.resume()
    await once(plain, 'close')
    const next = connectTls({host, port: listening.port, ca: tls.cert})
    await once(next, 'secureConnect')
    next.destroy()
  })

  test.each([false, true])(
    'ends at once with clients that never say a word (with a certificate: %j)',
    async withTls => {
      const tls = withTls ? await pair() : undefined
      const listening = await listen(() => undefined, {host, port: 0, tls})
      const silent = connect(listening.port, host)
      await Promise.all([once(listening.server, 'connection'), once(silent, 'connect')])
      const gone = new Promise(resolve => silent.once('error', resolve).once('close', resolve))
      silent.resume()
      await listening[Symbol.asyncDispose]()
      await gone
      expect(listening.server.listening).toBe(false)
    },
  )
})
