import {describe, expect, test} from 'vitest'
import {withGatewayFile, type ParsedFlags} from '../../src/lib/file-flags.ts'

interface Flags {
  transport: string
  host: string
  port: number | undefined
  'tls-cert': string | undefined
  'tls-key': string | undefined
  'log-level': string
  verbose: boolean
  'debug-dns': boolean
  'verify-signatures': boolean
  'call-timeout': number
  'idle-timeout': number
  standby: string
  'standby-memory': string
}

const DEFAULTS: Flags = {
  transport: 'stdio',
  host: '127.0.0.1',
  port: undefined,
  'tls-cert': undefined,
  'tls-key': undefined,
  'log-level': 'info',
  verbose: false,
  'debug-dns': false,
  'verify-signatures': true,
  'call-timeout': 600,
  'idle-timeout': 300,
  standby: '0:1',
  'standby-memory': '256Mb',
}

/** Flags as oclif gives them, of which these were given. */
function parsed(given: Partial<Flags>): ParsedFlags<Flags> {
  const flags = {...DEFAULTS, ...given}
  const open = Object.keys(DEFAULTS).filter(name => !Object.hasOwn(given, name))
  return {
    flags,
    metadata: {flags: Object.fromEntries(open.map(name => [name, {setFromDefault: true}]))},
  }
}

describe('withGatewayFile', () => {
  test('changes nothing without a file', () => {
    expect(withGatewayFile(parsed({}), {})).toEqual(DEFAULTS)
  })

  test('puts the file before the defaults', () => {
    const merged = withGatewayFile(parsed({}), {
      transport: 'sse',
      host: '0.0.0.0',
      port: 0,
      tls: {cert: '/c', key: '/k'},
      logLevel: 'error',
      images: {verifySignatures: false},
      timeouts: {call: 5},
      pools: {min: 2, max: 3, memory: '1Gb', idleTimeout: 7},
      limits: {tools: 7, tokens: 900},
    })
    expect(merged).toEqual({
      transport: 'sse',
      host: '0.0.0.0',
      port: 0,
      'tls-cert': '/c',
      'tls-key': '/k',
      'log-level': 'error',
      verbose: false,
      'debug-dns': false,
      'verify-signatures': false,
      'call-timeout': 5,
      'idle-timeout': 7,
      standby: '2:3',
      'standby-memory': '1Gb',
      'max-tools': 7,
      'token-budget': 900,
    })
  })

  test('puts what was given before the file, also where it is the default', () => {
    const given = {transport: 'streaming', 'log-level': 'info', 'call-timeout': 600, standby: '0:1'}
    const merged = withGatewayFile(parsed(given), {
      transport: 'stdio',
      logLevel: 'debug',
      timeouts: {call: 5},
      pools: {max: 9},
    })
    expect(merged).toMatchObject({...given, verbose: false})
  })

  test.each([
    [{min: 2}, '2:2'],
    [{max: 0}, '0:0'],
    [{max: 4}, '0:4'],
    [{min: 0}, '0:1'],
    [{memory: '1Gb'}, '0:1'],
  ])('reads the pools %j', (pools, standby) => {
    expect(withGatewayFile(parsed({}), {pools}).standby).toBe(standby)
  })

  test('leaves the port of a file out for a client that starts the gateway itself', () => {
    const file = {
      transport: 'streaming',
      port: 9000,
      host: '::1',
      tls: {cert: 'c', key: 'k'},
    } as const
    expect(withGatewayFile(parsed({transport: 'stdio'}), file)).toEqual(DEFAULTS)
    const {transport: _, ...rest} = file
    expect(withGatewayFile(parsed({}), rest)).toEqual(DEFAULTS)
  })

  test('takes no half of a certificate and its key', () => {
    const merged = withGatewayFile(parsed({transport: 'streaming', 'tls-cert': '/mine'}), {
      tls: {cert: '/c', key: '/k'},
    })
    expect(merged).toMatchObject({'tls-cert': '/mine', 'tls-key': undefined})
  })

  test('says more with debug, unless it is told not to', () => {
    const file = {logLevel: 'debug'} as const
    expect(withGatewayFile(parsed({}), file)).toMatchObject({verbose: true, 'debug-dns': true})
    expect(withGatewayFile(parsed({'log-level': 'debug'}), {})).toMatchObject({verbose: true})
    expect(withGatewayFile(parsed({verbose: false}), file)).toMatchObject({verbose: false})
  })
})
