import {describe, expect, test} from 'vitest'
import {gatewayOptions} from '../../src/lib/gateway-flags.ts'
import {readTransport} from '../../src/lib/transport-flags.ts'

/** As they are when nothing is said. */
const FLAGS: Parameters<typeof gatewayOptions>[0] = {
  'enable-all-servers': false,
  secrets: 'docker-desktop',
  cpus: '1',
  memory: '2Gb',
  'max-message-size': '64Mb',
  'idle-timeout': 300,
  'long-lived': false,
  standby: '0:1',
  'standby-memory': '256Mb',
  'verify-signatures': true,
  'max-tools': 128,
  'token-budget': 0,
  'call-timeout': 600,
  'log-level': 'info',
  'gateway-config': undefined,
  client: undefined,
  'log-calls': true,
  'block-secrets': true,
  'mask-secrets': false,
  'network-policy': 'open',
  'block-network': false,
  'debug-dns': false,
  security: 'default',
  'allow-mount': undefined,
  'expose-secrets': undefined,
  verbose: false,
  json: undefined,
  profile: undefined,
  'profile-file': undefined,
  servers: undefined,
  tools: undefined,
  catalog: undefined,
  'additional-catalog': undefined,
  registry: undefined,
  'additional-registry': undefined,
  config: undefined,
  'additional-config': undefined,
  'tools-config': undefined,
  'additional-tools-config': undefined,
  'oci-ref': undefined,
  'mcp-registry': undefined,
}

describe('gatewayOptions', () => {
  test.each([
    ['64Mb', 64 * 1024 ** 2],
    ['64Kb', 64 * 1024],
    ['100m', 100 * 1024 ** 2],
    ['1.5 MiB', 1.5 * 1024 ** 2],
    ['65536', 65_536],
  ])('reads the message size %s', (text, bytes) => {
    const flags = {...FLAGS, 'max-message-size': text}
    expect(gatewayOptions(flags, {patienceMs: 0, showRemembered: true}).maxMessageBytes).toBe(bytes)
  })

  test.each(['', '0', '63Kb', '65535', '101Mb', '1Gb', 'much', '-1'])(
    'refuses the message size %j',
    text => {
      const flags = {...FLAGS, 'max-message-size': text}
      expect(() => gatewayOptions(flags, {patienceMs: 0, showRemembered: true})).toThrow(
        expect.objectContaining({
          code: 'USAGE',
          message: `--max-message-size ${JSON.stringify(text)} is not a size from 64Kb to 100Mb`,
        }),
      )
    },
  )
})

describe('gatewayOptions of isolation', () => {
  const waiting = {patienceMs: 0, showRemembered: true}

  test('are open and unclosed when nothing is said', () => {
    expect(gatewayOptions(FLAGS, waiting)).toMatchObject({
      networkPolicy: 'open',
      debugDns: false,
      security: 'default',
      allowMounts: [],
      exposeSecrets: [],
    })
  })

  test('are what the flags say', () => {
    const flags = {
      ...FLAGS,
      'network-policy': 'allowlist' as const,
      'block-network': true,
      'debug-dns': true,
      security: 'strict' as const,
      'allow-mount': ['/var/run/docker.sock', '~/.ssh', '~'],
      'expose-secrets': ['postgres'],
    }
    expect(gatewayOptions(flags, waiting)).toMatchObject({
      networkPolicy: 'allowlist',
      debugDns: true,
      security: 'strict',
      allowMounts: ['/var/run/docker.sock', '~/.ssh', '~'],
      exposeSecrets: ['postgres'],
    })
  })

  test.each(['', 'etc', './etc', '~root', '$HOME'])('refuse to allow the mount of %j', path => {
    expect(() => gatewayOptions({...FLAGS, 'allow-mount': ['/etc', path]}, waiting)).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        message: `--allow-mount ${JSON.stringify(path)} is not an absolute path`,
      }),
    )
  })
})

const HTTP = {
  transport: 'streaming',
  host: '127.0.0.1',
  port: undefined,
  allowUnauthenticated: false,
  tlsCert: undefined,
  tlsKey: undefined,
}

describe('readTransport', () => {
  test.each([
    ['streaming', 'streamable'],
    ['streamable', 'streamable'],
    ['streamable-http', 'streamable'],
    ['http', 'streamable'],
    ['sse', 'sse'],
  ])('takes %s, on port 8811', (transport, kind) => {
    expect(readTransport({...HTTP, transport})).toEqual({
      kind,
      host: '127.0.0.1',
      port: 8811,
      allowUnauthenticated: false,
      tls: undefined,
    })
  })

  test('takes a certificate with its key', () => {
    const tls = {cert: 'c.pem', key: 'k.pem'}
    const flags = {...HTTP, transport: 'sse', port: 0, tlsCert: tls.cert, tlsKey: tls.key}
    expect(readTransport(flags)).toMatchObject({kind: 'sse', port: 0, tls})
  })

  test.each([
    [{tlsCert: 'c.pem'}, '--tls-cert needs --tls-key'],
    [{tlsKey: 'k.pem'}, '--tls-key needs --tls-cert'],
    [{tlsCert: 'c.pem', tlsKey: ''}, '--tls-cert needs --tls-key'],
    [{transport: 'stdio', tlsCert: 'c.pem', tlsKey: 'k.pem'}, '--tls-cert has no meaning'],
    [{transport: 'stdio', port: 1}, '--port has no meaning'],
    [{transport: 'pigeon'}, 'there is no transport "pigeon"'],
  ])('refuses %j', (wrong, message) => {
    expect(() => readTransport({...HTTP, ...wrong})).toThrow(
      expect.objectContaining({code: 'USAGE', message: expect.stringContaining(message)}),
    )
  })

  test('takes port 0 over stdio, which means none', () => {
    expect(readTransport({...HTTP, transport: 'stdio', port: 0})).toEqual({kind: 'stdio'})
  })
})
