import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {readGatewayFile} from '../../../src/lib/files/gateway-file.ts'

/** A file of a folder of its own. */
async function written(text: string): Promise<{file: string; dir: string} & AsyncDisposable> {
  const dir = await mkdtemp(join(tmpdir(), 'gateway-file-'))
  const file = join(dir, 'gateway.yaml')
  await writeFile(file, text)
  return {
    file,
    dir,
    [Symbol.asyncDispose]: () => rm(dir, {recursive: true, force: true}),
  }
}

/** What is said of a file that is wrong. */
async function problems(file: string): Promise<string> {
  return readGatewayFile(file).then(JSON.stringify, String)
}

describe('readGatewayFile', () => {
  test('gives nothing for a file that is not there, unless somebody named it', async () => {
    await using place = await written('')
    const file = join(place.dir, 'other.yaml')
    expect(await readGatewayFile(file)).toEqual({})
    await expect(readGatewayFile(file, {isNamed: true})).rejects.toMatchObject({
      code: 'FILE_MISSING',
      message: `${file} does not exist`,
    })
  })

  test.each(['', ' \n', '# nothing\n', '{}\n'])('takes %j as nothing', async text => {
    await using place = await written(text)
    expect(await readGatewayFile(place.file, {isNamed: true})).toEqual({})
  })

  test('tells everything that is wrong, each with its place', async () => {
    await using place = await written(
      'port: "1"\ntimeouts:\n  call: 5\n  strat: 6\nimages:\n  rewrite:\n    - {from: a, to: b}\n    - {from: a}\n',
    )
    const {file} = place
    await expect(readGatewayFile(file)).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: [
        `${file}:1:1: “port” must be a number`,
        `${file}:4:3: “timeouts.strat” is no key of this file; did you mean “start”?`,
        `${file}:8:7: “images.rewrite.1.to” must be text`,
      ].join('\n'),
    })
  })

  test('tells the first of very many', async () => {
    const keys = Array.from({length: 5000}, (_value, at) => `key${at}: 1\n`)
    await using place = await written(keys.join(''))
    const message = await problems(place.file)
    expect(message.split('\n')).toHaveLength(21)
    expect(message).toContain('\nand more')
  })

  test('never shows a secret that somebody wrote into it', async () => {
    await using place = await written(
      'credentials: {a: ghp_verysecret}\naccessControl: {clients: {ci: {token: ghp_verysecret}}}\n',
    )
    const message = await problems(place.file)
    expect(message).toContain('“credentials.a” holds no reference')
    expect(message).toContain('“accessControl.clients.ci.token” holds no reference')
    expect(message).not.toContain('ghp_verysecret')
  })

  test.each([
    ['port: 1\nport: 2\n', ':2:1: Map keys must be unique'],
    ['port:\n\t- 1\n', ':2:1: '],
    ['- 1\n', ':1:1: the top is not a map of keys'],
    ['a: *a\n', ':1:4: '],
  ])('refuses %j', async (text, place) => {
    await using made = await written(text)
    await expect(readGatewayFile(made.file)).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringContaining(`${made.file}${place}`),
    })
  })

  test('finds the files that it names from its own folder', async () => {
    await using place = await written(
      'tls: {cert: c.pem, key: /k.pem}\nencryptionKeyFile: ~/key\nnetwork: {caFile: ../ca.pem}\n',
    )
    const {file, dir} = place
    expect(await readGatewayFile(file, {isNamed: true, env: {HOME: '/home/me'}})).toEqual({
      tls: {cert: join(dir, 'c.pem'), key: '/k.pem'},
      encryptionKeyFile: '/home/me/key',
      network: {caFile: join(dir, '..', 'ca.pem')},
    })
  })
})
