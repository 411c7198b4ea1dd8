import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {PluginError} from '../../../src/lib/base/errors.ts'
import {parseHost} from '../../../src/lib/engine/host.ts'
import type {Host, SshHost} from '../../../src/lib/engine/host.ts'

const parse = (text: string, platform: NodeJS.Platform = 'linux') =>
  parseHost(text, {from: 'DOCKER_HOST', platform})

const tcp = (host: string, port: number): Host => ({kind: 'tcp', host, port})
const unix = (path: string): Host => ({kind: 'unix', path})
const ssh = (address: Omit<SshHost, 'kind'>): Host => ({kind: 'ssh', ...address})
const npipe = (path: string): Host => ({kind: 'npipe', path})

describe('parseHost', () => {
  test.each<[string, Host]>([
    ['', unix('/var/run/docker.sock')],
    ['  ', unix('/var/run/docker.sock')],
    ['unix://', unix('/var/run/docker.sock')],
    ['unix:///x/y.sock', unix('/x/y.sock')],
    [' unix:///x ', unix('/x')],
    ['unix://rel/p', unix('rel/p')],
    ['unix:///with space', unix('/with space')],
    ['tcp://127.0.0.1:9', tcp('127.0.0.1', 9)],
    ['tcp://127.0.0.1:9/', tcp('127.0.0.1', 9)],
    ['tcp://127.0.0.1', tcp('127.0.0.1', 2375)],
    ['tcp://', tcp('localhost', 2375)],
    ['tcp://:9', tcp('localhost', 9)],
    ['tcp://[::1]:9', tcp('::1', 9)],
    ['[::1]:9', tcp('::1', 9)],
    ['[fe80::1%eth0]:9', tcp('fe80::1%eth0', 9)],
    ['127.0.0.1:9', tcp('127.0.0.1', 9)],
    [':9', tcp('localhost', 9)],
    ['build-host_1', tcp('build-host_1', 2375)],
    ['tcp://h:65535', tcp('h', 65_535)],
  ])('%j on Linux', (text, expected) => {
    expect(parse(text)).toEqual(expected)
  })

  test.each<[NodeJS.Platform, string, Host]>([
    ['darwin', '', unix('/var/run/docker.sock')],
    ['darwin', 'unix:///x.sock', unix('/x.sock')],
    ['win32', '', npipe('//./pipe/docker_engine')],
    ['win32', 'npipe://', npipe('//./pipe/docker_engine')],
    ['win32', 'npipe:////./pipe/other', npipe('//./pipe/other')],
    ['win32', 'tcp://h:9', tcp('h', 9)],
  ])('on %s: %j', (platform, text, expected) => {
    expect(parse(text, platform)).toEqual(expected)
  })

  test.each([
    'http://127.0.0.1:9',
    'https://127.0.0.1:9',
    'foo://bar',
    'fd://',
    '://x',
    "'tcp://127.0.0.1:9'",
    'npipe:////./pipe/x',
    'unix:///a\0b',
    'tcp://127.0.0.1:abc',
    'tcp://127.0.0.1:',
    'tcp://127.0.0.1:0',
    'tcp://127.0.0.1:65536',
    'tcp://127.0.0.1:999999',
    'tcp://127.0.0.1:9/base',
    'tcp://[::1]',
    'tcp://::1',
    'tcp://a b',
    '/var/run/docker.sock',
    'unix:/x',
  ])('refuses %j, and says where it came from', text => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({
        code: 'ENDPOINT_INVALID',
        message: expect.stringContaining('(DOCKER_HOST)'),
        hint: expect.stringContaining('unix://'),
      }),
    )
  })

  test('refuses a unix socket on Windows', () => {
    expect(() => parse('unix:///x', 'win32')).toThrow('cannot be used on win32')
  })

  test.each<[string, Host]>([
    ['ssh://engine', ssh({host: 'engine'})],
    ['ssh://me@engine:2222', ssh({user: 'me', host: 'engine', port: 2222})],
    ['ssh://me@[fe80::1%eth0]:22', ssh({user: 'me', host: 'fe80::1%eth0', port: 22})],
    ['ssh://me%40corp@build_host', ssh({user: 'me@corp', host: 'build_host'})],
    ['ssh://engine/', ssh({host: 'engine'})],
    ['ssh://engine/run/docker.sock', ssh({host: 'engine', path: '/run/docker.sock'})],
    ['ssh://engine/with%20space', ssh({host: 'engine', path: '/with space'})],
  ])('%j is reached over ssh', (text, expected) => {
    expect(parse(text)).toEqual(expected)
    expect(parse(text, 'win32')).toEqual(expected)
  })

  test.each([
    'ssh://',
    'ssh://@engine',
    'ssh://-oProxyCommand=x',
    'ssh://-l@engine',
    'ssh://%2doProxyCommand=x@engine',
    'ssh://a b@engine',
    'ssh://$(x)@engine',
    'ssh://%24%28x%29@engine',
    'ssh://me@en;gine',
    'ssh://me@engine:0',
    'ssh://me@engine:65536',
    'ssh://me@engine:-p',
    'ssh://engine?query',
    'ssh://engine/path#fragment',
    'ssh://engine/%zz',
    'ssh://engine/%0a',
    'ssh://me:@engine',
  ])('refuses %j, which ssh could take for something else', text => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({
        code: 'ENDPOINT_INVALID',
        hint: expect.stringMatching(/ssh:\/\/user@host|sign in with a key/),
      }),
    )
  })

  test('gives ssh no user and no host that it could take for an option', () => {
    fc.assert(
      fc.property(fc.string({unit: 'binary'}), text => {
        const host = tryParse(`ssh://${text}`)
        if (host?.kind !== 'ssh') return
        expect(host.host).toMatch(/^[\w:][\w.:%-]*$/u)
        expect(host.user ?? 'me').toMatch(/^[\w.+][^\s;&|<>$`'"]*$/u)
        expect(host.path ?? '/x').toMatch(/^\/[^\p{Cc}]+$/u)
      }),
      {examples: [['-x@y'], ['me@-x'], ['me@x/y z']]},
    )
  })

  test.each(['ssh://user:hunter2@engine', 'tcp://user:hunter2/@engine:1', 'user:hunter2@engine'])(
    'keeps the password of %s to itself',
    text => {
      expect(() => parse(text)).toThrow(
        expect.objectContaining({message: expect.not.stringContaining('hunter2')}),
      )
    },
  )

  test('reads any host and port, and fails on anything else with one kind of error', () => {
    const label = fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,20}$/u)
    fc.assert(
      fc.property(label, fc.integer({min: 1, max: 65_535}), (host, port) => {
        expect(parse(`${host}:${port}`)).toEqual(tcp(host, port))
        expect(parse(`tcp://${host}:${port}`)).toEqual(tcp(host, port))
      }),
    )
    fc.assert(
      fc.property(fc.string(), text => {
        expect(kindOrError(text)).toMatch(/^(?:unix|tcp|ssh|ENDPOINT_INVALID)$/u)
      }),
    )
  })
})

function kindOrError(text: string): string {
  try {
    return parse(text).kind
  } catch (error) {
    return error instanceof PluginError ? error.code : String(error)
  }
}

function tryParse(text: string): Host | undefined {
  try {
    return parse(text)
  } catch {
    return undefined
  }
}
