import {chmod, mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {
  listContexts,
  readContext,
  readCurrentContext,
  readIfThere,
  tlsMaterial,
} from '../../../src/lib/engine/contexts.ts'

// sha256('desktop-linux'), as docker names the folder of that context.
const DESKTOP = 'fe9c6bd7a66301f49ca9b6a70b217107cd1284598bfc254700c989b916da791e'

async function dockerFolder() {
  const path = await mkdtemp(join(tmpdir(), 'contexts-'))
  const put = async (file: string, text: string) => {
    await mkdir(join(path, file, '..'), {recursive: true})
    await writeFile(join(path, file), text)
  }
  return {
    path,
    put,
    putMeta: (id: string, text: string) => put(`contexts/meta/${id}/meta.json`, text),
    [Symbol.asyncDispose]: () => rm(path, {recursive: true, force: true}),
  }
}

describe('readCurrentContext', () => {
  test.each([
    [undefined, undefined],
    ['{}', undefined],
    ['{"currentContext":""}', undefined],
    ['{"currentContext":null}', undefined],
    ['{"currentContext":"desktop-linux","auths":{}}', 'desktop-linux'],
  ])('%j gives %j', async (text, expected) => {
    await using docker = await dockerFolder()
    if (text !== undefined) await docker.put('config.json', text)
    expect(await readCurrentContext(docker.path)).toBe(expected)
  })

  test.each([
    ['{"currentContext":7}', 'currentContext'],
    ['[]', 'the file'],
    ['', 'is not JSON'],
    ['{"a":1,\n"b" 2}', '(line 2 column 5)'],
  ])('refuses %j and names the place', async (text, place) => {
    await using docker = await dockerFolder()
    await docker.put('config.json', text)
    await expect(readCurrentContext(docker.path)).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringMatching(/config\.json/u),
    })
    await expect(readCurrentContext(docker.path)).rejects.toThrow(place)
  })

  test('quotes nothing of a damaged file, which may hold registry passwords', async () => {
    await using docker = await dockerFolder()
    await docker.put('config.json', 'hunter2')
    const error: unknown = await readCurrentContext(docker.path).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({code: 'FILE_INVALID'})
    expect(error).not.toHaveProperty('cause')
    expect(String(error)).not.toContain('hunter2')
  })
})

describe('readContext', () => {
  test('finds a context under the SHA-256 of its name, with its TLS files', async () => {
    await using docker = await dockerFolder()
    await docker.putMeta(
      DESKTOP,
      '{"Name":"desktop-linux","Metadata":{},"Endpoints":{"docker":{"Host":"tcp://h:1","SkipTLSVerify":true}}}',
    )
    await docker.put(`contexts/tls/${DESKTOP}/docker/ca.pem`, 'CA')
    await docker.put(`contexts/tls/${DESKTOP}/docker/cert.pem`, 'CERT')
    await docker.put(`contexts/tls/${DESKTOP}/docker/key.pem`, 'KEY')
    expect(await readContext(docker.path, 'desktop-linux')).toEqual({
      host: 'tcp://h:1',
      skipTlsVerify: true,
      tls: {ca: 'CA', cert: 'CERT', key: 'KEY'},
    })
  })

  test('takes what is left out as empty', async () => {
    await using docker = await dockerFolder()
    await docker.putMeta(DESKTOP, '{"Endpoints":{"docker":{}}}')
    expect(await readContext(docker.path, 'desktop-linux')).toEqual({
      host: '',
      skipTlsVerify: false,
      tls: {},
    })
  })

  test.each(['desktop-linux', '../../x', '', '\0'])('knows no context %j', async name => {
    await using docker = await dockerFolder()
    expect(await readContext(docker.path, name)).toBeUndefined()
  })

  test.each([
    ['{"Name":"x"}', 'ENDPOINT_INVALID', 'no docker endpoint'],
    ['{"Name":"x","Endpoints":{}}', 'ENDPOINT_INVALID', 'no docker endpoint'],
    ['{nope', 'FILE_INVALID', 'meta.json is not JSON'],
    ['[]', 'FILE_INVALID', 'meta.json'],
    ['{"Endpoints":{"docker":{"Host":7}}}', 'FILE_INVALID', 'Endpoints.docker.Host'],
    ['{"Endpoints":{"docker":{"SkipTLSVerify":1}}}', 'FILE_INVALID', 'SkipTLSVerify'],
  ])('refuses %j', async (text, code, message) => {
    await using docker = await dockerFolder()
    await docker.putMeta(DESKTOP, text)
    await expect(readContext(docker.path, 'desktop-linux')).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    })
  })
})

describe('listContexts', () => {
  test('lists what can be read, sorted, and default', async () => {
    await using docker = await dockerFolder()
    expect(await listContexts(docker.path)).toEqual(['default'])
    await docker.putMeta('1', '{"Name":"zebra"}')
    await docker.putMeta('2', '{"Name":"ant"}')
    await docker.putMeta('3', '{damaged')
    await docker.putMeta('4', '{}')
    await docker.putMeta('5', '{"Name":"\\u001b[2J"}')
    await docker.put('contexts/meta/stray', '')
    expect(await listContexts(docker.path)).toEqual(['ant', 'default', 'zebra'])
  })
})

describe('tlsMaterial', () => {
  test.each([
    [{ca: undefined, cert: undefined, key: undefined}, {}],
    [{ca: 'A', cert: 'C', key: undefined}, {ca: 'A'}],
    [{ca: undefined, cert: undefined, key: 'K'}, {}],
    [
      {ca: undefined, cert: 'C', key: 'K'},
      {cert: 'C', key: 'K'},
    ],
  ])('%j gives %j', (pem, expected) => {
    expect(tlsMaterial(pem)).toEqual(expected)
  })
})

describe('readIfThere', () => {
  test('gives undefined for what is not there, also below a file', async () => {
    await using docker = await dockerFolder()
    await docker.put('file', 'text')
    expect(await readIfThere(join(docker.path, 'file'))).toBe('text')
    expect(await readIfThere(join(docker.path, 'none'))).toBeUndefined()
    expect(await readIfThere(join(docker.path, 'file', 'none'))).toBeUndefined()
  })

  test('names a path that is there and cannot be read', async () => {
    await using docker = await dockerFolder()
    await expect(readIfThere(docker.path)).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringContaining(docker.path),
    })
  })

  test('says that a file may not be read, unless this user may read everything', async () => {
    await using docker = await dockerFolder()
    await docker.put('locked', 'text')
    const path = join(docker.path, 'locked')
    await chmod(path, 0)
    const outcome = await readIfThere(path).catch((error: unknown) => error)
    const denied = {code: 'FILE_DENIED'}
    expect([outcome]).toMatchObject([process.getuid?.() === 0 ? 'text' : denied])
  })
})
