import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {outgoingOf} from '../../../src/lib/net/outgoing.ts'

describe('outgoingOf', () => {
  test('leaves the environment alone where the file says nothing', async () => {
    const env = {HTTPS_PROXY: 'http://a:1', no_proxy: 'b'}
    expect(await outgoingOf({}, env)).toEqual({env})
  })

  test('puts the file before the environment, in both spellings', async () => {
    const env = {https_proxy: 'http://a:1', NO_PROXY: 'b', PW: 'p%40'}
    const network = {proxy: 'http://me:${PW}@proxy:3128', noProxy: ['.internal', '10.0.0.1']}
    const proxy = 'http://me:p%40@proxy:3128'
    expect((await outgoingOf({network}, env)).env).toEqual({
      PW: 'p%40',
      HTTP_PROXY: proxy,
      http_proxy: proxy,
      HTTPS_PROXY: proxy,
      https_proxy: proxy,
      NO_PROXY: '.internal,10.0.0.1',
      no_proxy: '.internal,10.0.0.1',
    })
  })

  test('refuses a proxy without its variable, and never shows a password', async () => {
    const network = {proxy: 'http://me:${PW}@proxy:3128'}
    await expect(outgoingOf({network}, {})).rejects.toMatchObject({code: 'CONFIG_MISSING'})
    const error = await outgoingOf({network}, {PW: 'hunter2@[/'}).catch(String)
    expect(error).toContain('the proxy of the gateway file')
    expect(error).not.toContain('hunter2')
  })

  test('reads certificates, and nothing else', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'outgoing-'))
    try {
      const caFile = join(dir, 'ca.pem')
      await expect(outgoingOf({network: {caFile}}, {})).rejects.toMatchObject({
        code: 'FILE_MISSING',
      })
      await writeFile(caFile, 'no certificate')
      await expect(outgoingOf({network: {caFile}}, {})).rejects.toMatchObject({
        code: 'FILE_INVALID',
      })
      const text = '-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n'
      await writeFile(caFile, text)
      expect(await outgoingOf({network: {caFile}}, {})).toEqual({env: {}, ca: text})
    } finally {
      await rm(dir, {recursive: true})
    }
  })
})
