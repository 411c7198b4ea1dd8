import {describe, expect, test} from 'vitest'
import {PluginError} from '../../../../src/lib/base/errors.ts'
import {deliver, secretValues} from '../../../../src/lib/gateway/upstream/delivery.ts'
import type {ContainerSpec} from '../../../../src/lib/model/server.ts'
import {secretSource} from '../../../../src/lib/secrets/source.ts'
import {secretsOf} from '../../../support/secrets.ts'

type Spec = Pick<ContainerSpec, 'name' | 'secrets' | 'env' | 'command'>

const secret = {name: 'some.key', env: 'API_KEY', required: true}
const values = new Map([['API_KEY', 'the-value']])
const plain: Spec = {name: 'some', secrets: [secret], env: [], command: []}
const onShim = {hasShim: true, architecture: 'amd64', isExposed: false}
const onOther = {hasShim: false, architecture: 's390x', isExposed: false}

/** What a start is refused with; it never holds the value. */
function refusal(spec: Spec, input: Parameters<typeof deliver>[2]): unknown {
  try {
    deliver(spec, values, input)
  } catch (error) {
    const shown = JSON.stringify(error) + String(error)
    return shown.includes('the-value') ? new Error('it shows the value') : error
  }
  throw new Error('it was not refused')
}

describe('deliver', () => {
  test('hands secrets over where nobody else sees them', () => {
    expect(deliver(plain, values, onShim)).toMatchObject({env: [['API_KEY', 'the-value']]})
  })

  test.each<[string, Partial<Spec>]>([
    ['itself', {command: ['--key=${API_KEY}']}],
    [
      'through a variable made of it',
      {
        env: [{name: 'HEADER', value: 'Bearer $API_KEY', expand: true}],
        command: ['--header', '$HEADER'],
      },
    ],
  ])('refuses a command line with a secret in it, %s', (_how, more) => {
    const spec = {...plain, ...more}
    expect(refusal(spec, onShim)).toMatchObject({
      code: 'SECRET_EXPOSED',
      message: expect.stringContaining('server some puts the secret'),
      hint: expect.stringContaining('--expose-secrets some'),
    })
    const {command} = deliver(spec, values, {...onShim, isExposed: true})
    expect(command.join(' ')).toContain('the-value')
  })

  test('lets a command line pass whose secret has no value', () => {
    const spec = {...plain, command: ['--key=$API_KEY', '--other=$NOBODY']}
    expect(deliver(spec, new Map(), onShim).command).toEqual(['--key=', '--other='])
  })

  test('refuses plain environment unless the user allows it', () => {
    expect(refusal(plain, onOther)).toMatchObject({
      code: 'SECRET_EXPOSED',
      message: expect.stringMatching(/server some has an image for s390x.*docker inspect/),
      hint: expect.stringContaining('--expose-secrets some'),
    })
    expect(deliver(plain, values, {...onOther, isExposed: true}).env).toEqual([
      ['API_KEY', 'the-value'],
    ])
  })

  test('starts a server without secrets whatever its image is made for', () => {
    expect(deliver(plain, new Map(), onOther).env).toEqual([])
  })

  test('refuses files where there is no shim that could write them', () => {
    const spec = {...plain, secrets: [{...secret, file: 'API_KEY'}]}
    expect(refusal(spec, {...onOther, isExposed: true})).toMatchObject({
      code: 'SERVER_UNSUPPORTED',
      message: expect.stringContaining('/run/secrets/API_KEY'),
    })
  })
})

describe('secretValues', () => {
  const asFile = {...plain, secrets: [{...secret, file: 'API_KEY'}]}

  test.each([
    ['is no UTF-8', Buffer.from([0xff, 0x41])],
    ['has a NUL', Buffer.from('a\0b')],
  ])('refuses a value for a variable that %s, and gives it to a file as it is', (_what, bytes) => {
    const source = secretsOf({'some.key': bytes})
    expect(() => secretValues(plain, source)).toThrow(
      'server some takes the secret some.key as text, and its value is none',
    )
    const {files, env} = deliver(asFile, secretValues(asFile, source), onShim)
    expect(files).toEqual([['/run/secrets/API_KEY', bytes]])
    expect(env).toEqual([['API_KEY_FILE', '/run/secrets/API_KEY']])
  })

  test('says what sets a secret that has no value', () => {
    expect(() => secretValues(plain, secretsOf({}))).toThrow(
      expect.objectContaining({
        code: 'SECRET_MISSING',
        message: 'server some needs the secret some.key, which has no value',
        hint: 'docker mcp secret set some.key',
      }),
    )
    const optional = {...plain, secrets: [{...secret, required: false}]}
    expect(secretValues(optional, secretsOf({}))).toEqual(new Map())
  })

  test('says why a store cannot be read, also where the secret is not required', () => {
    const problem = new PluginError('SECRET_LOCKED', 'keyring may have it', {hint: 'unlock it'})
    const source = secretSource(
      new Map([['some.key', {store: 'keyring', problem}]]),
      () => 'not this',
    )
    const optional = {...plain, secrets: [{...secret, required: false}]}
    for (const spec of [plain, optional]) {
      expect(() => secretValues(spec, source)).toThrow(
        expect.objectContaining({
          code: 'SECRET_LOCKED',
          message: 'server some needs the secret some.key: keyring may have it',
          hint: 'unlock it',
        }),
      )
    }
  })
})
