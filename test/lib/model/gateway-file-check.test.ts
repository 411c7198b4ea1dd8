import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {checkGatewayFile} from '../../../src/lib/model/gateway-file-check.ts'
import {gatewayFileSchemaText, type GatewayFile} from '../../../src/lib/model/gateway-file.ts'

/** Every key. */
const WHOLE: Required<GatewayFile> = {
  version: 1,
  transport: 'streaming',
  host: '127.0.0.1',
  port: 8811,
  tls: {cert: 'c.pem', key: 'k.pem'},
  logLevel: 'warn',
  discoveryInterval: 60,
  profile: 'work',
  catalogs: {default: false, allowPrivateHosts: ['catalogs.internal']},
  images: {
    rewrite: [{from: 'docker.io/mcp/*', to: 'mirror.example.com/mcp/*'}],
    verifySignatures: true,
  },
  accessControl: {
    defaultPolicy: 'deny',
    allowedServers: ['*'],
    deniedServers: ['x'],
    allowedTools: ['*'],
    deniedTools: ['y'],
    readOnly: true,
    clients: {'ci.runner-1': {token: '${CI_TOKEN}', allowedServers: ['github'], readOnly: true}},
  },
  credentials: {'github.token': '${GITHUB_TOKEN}', header: 'Bearer ${X}'},
  encryptionKeyFile: 'key',
  network: {proxy: 'http://user:${PW}@proxy:3128', noProxy: ['.internal'], caFile: 'ca.pem'},
  timeouts: {start: 30, call: 0},
  pools: {min: 1, max: 2, memory: '512Mb', idleTimeout: 0},
  cache: {lists: 3600},
  limits: {tools: 40, tokens: 10_000},
}

describe('checkGatewayFile', () => {
  test('takes every key', () => {
    expect(checkGatewayFile(WHOLE)).toEqual({data: WHOLE})
    expect(checkGatewayFile({})).toEqual({data: {}})
    const never = {limits: {tools: 0, tokens: 0}}
    expect(checkGatewayFile(never)).toEqual({data: never})
  })

  test.each<[string, unknown, string]>([
    ['trnsport', 'stdio', 'is no key of this file; did you mean “transport”?'],
    ['transport', 'http', 'must be one of: stdio, streaming, sse'],
    ['version', 2, 'must be 1'],
    ['port', '8811', 'must be a number'],
    ['port', 1.5, 'must be a whole number'],
    ['port', 65_536, 'must be at most 65535'],
    ['host', '', 'is empty'],
    ['host', null, 'must be text'],
    ['timeouts', [], 'must be a map of keys'],
    ['timeouts.call', -1, 'must be at least 0'],
    ['timeouts.strat', 1, 'is no key of this file; did you mean “start”?'],
    ['timeouts.zzzzzzzz', 1, 'is no key of this file; there are start, call'],
    ['images.rewrite.0.frm', 'x', 'is no key of this file; did you mean “from”?'],
    ['catalogs.default', 'no', 'must be true or false'],
    ['accessControl.allowedServers', 'x', 'must be a list'],
    ['accessControl.clients.ci.tokn', 'x', 'is no key of this file; did you mean “token”?'],
    [
      'credentials.a',
      'hunter2',
      'holds no reference like ${NAME}: a secret has no place in this file',
    ],
    [
      'network.proxy',
      'http://user:hunter2@proxy',
      'is not the address of a proxy: write http://host:port, with a password only as ${NAME}',
    ],
    [
      'network.proxy',
      'socks5://proxy',
      'is not the address of a proxy: write http://host:port, with a password only as ${NAME}',
    ],
    ['pools.memory', 'much', 'is not a size: write a number with a unit, such as 256Mb'],
  ])('refuses %s as %j', (path, value, reason) => {
    const keys = path.split('.')
    const checked = checkGatewayFile(nested(keys, value))
    expect(checked).toMatchObject({faults: expect.arrayContaining([{path: keys, reason}])})
    expect(JSON.stringify(checked)).not.toContain('hunter2')
  })

  test('refuses to keep more containers always than at most', () => {
    expect(checkGatewayFile({pools: {min: 2, max: 1}})).toEqual({
      faults: [{path: ['pools', 'min'], reason: 'has a min above its max'}],
    })
  })

  test('tells everything that is wrong at once', () => {
    const checked = checkGatewayFile({port: 'x', trnsport: 1, credentials: {a: 'b', c: 'd'}})
    expect('faults' in checked && checked.faults.map(({path}) => path.join('.'))).toEqual(
      expect.arrayContaining(['port', 'trnsport', 'credentials.a', 'credentials.c']),
    )
  })
})

test('the published schema is the one that counts', async () => {
  const file = join(import.meta.dirname, '../../../schemas/mcp-gateway-config.schema.json')
  expect(await readFile(file, 'utf8')).toBe(gatewayFileSchemaText())
})

/** A list where the key is a number. */
function nested([key = '', ...keys]: readonly string[], value: unknown): unknown {
  const inner = keys.length === 0 ? value : nested(keys, value)
  return key === '0' ? [inner] : {[key]: inner}
}
