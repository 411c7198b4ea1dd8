import {execFile} from 'node:child_process'
import {randomUUID} from 'node:crypto'
import {promisify} from 'node:util'
import {describe, expect, test} from 'vitest'
import {parseAllowRule} from '../../../../src/lib/model/allow-rule.ts'
import type {NetworkWish} from '../../../../src/lib/model/isolation.ts'
import type {ContainerSpec} from '../../../../src/lib/model/server.ts'
import {
  namedAddresses,
  ownNetwork,
  planNetwork,
} from '../../../../src/lib/gateway/upstream/network.ts'
import {testEngine} from '../../../support/in-process-gateway.ts'

const run = promisify(execFile)
const {signal} = new AbortController()
const rules = [parseAllowRule('api.example.com:443')]
const http = {port: 8080, path: '/mcp', transport: 'streamable'} as const

const wish = (more: Partial<NetworkWish> = {}): NetworkWish => ({
  kind: 'unsaid',
  rules: [],
  extraHosts: [],
  connectTo: [],
  ...more,
})

const said = (more: Partial<NetworkWish>, own: Pick<ContainerSpec, 'http'> = {}) => ({
  network: wish(more),
  ...own,
})

const closed = {base: 'none', egress: undefined, needsRelay: false}
const nothingAllowed = {base: 'none', egress: [], needsRelay: true}

describe('planNetwork', () => {
  test.each([
    ['open', {base: 'open', egress: undefined, needsRelay: false}],
    ['allowlist', nothingAllowed],
    ['none', closed],
  ] as const)('does as the policy %s says where the entry says nothing', (policy, plan) => {
    expect(planNetwork(said({}), policy)).toEqual(plan)
  })

  test.each(['open', 'allowlist', 'none'] as const)('asks no policy (%s) where it does', policy => {
    expect(planNetwork(said({kind: 'none'}), policy)).toEqual(closed)
    expect(planNetwork(said({kind: 'allow'}), policy)).toEqual(nothingAllowed)
    expect(planNetwork(said({kind: 'allow', rules}), policy)).toEqual({
      base: 'none',
      egress: rules,
      needsRelay: true,
    })
    expect(planNetwork(said({connectTo: ['db']}), policy)).toEqual({
      base: 'own',
      egress: [],
      needsRelay: true,
    })
    expect(planNetwork(said({kind: 'allow', rules, connectTo: ['db']}), policy)).toEqual({
      base: 'own',
      egress: rules,
      needsRelay: true,
    })
  })

  test('gives a server that speaks HTTP a way in, which lets nothing out', () => {
    expect(planNetwork(said({kind: 'none'}, {http}), 'open')).toEqual({...closed, needsRelay: true})
    expect(planNetwork(said({}, {http}), 'open')).toEqual({
      base: 'open',
      egress: undefined,
      needsRelay: true,
    })
  })
})

const entry = (...extraHosts: NetworkWish['extraHosts']) => ({
  name: 'any',
  network: wish({extraHosts}),
})

describe('namedAddresses', () => {
  test('are those of extraHosts, names in lower case', async () => {
    const named = entry({name: 'DB.local', address: '10.0.0.5'}, {name: 'six', address: 'fd00::5'})
    expect(await namedAddresses(named, await testEngine(), signal)).toEqual(
      new Map([
        ['db.local', '10.0.0.5'],
        ['six', 'fd00::5'],
      ]),
    )
  })

  test('know the host by the address that the engine has on its bridge', async () => {
    const named = entry({name: 'host.docker.internal', address: 'host-gateway'})
    const pins = await namedAddresses(named, await testEngine(), signal)
    expect(pins.get('host.docker.internal')).toBe(await (await testEngine()).bridgeGateway())
  })

  test('are an error where the engine has no bridge', async () => {
    const engine = Object.assign(await testEngine(), {bridgeGateway: async () => undefined})
    const named = entry({name: 'host', address: 'host-gateway'})
    await expect(namedAddresses(named, engine, signal)).rejects.toMatchObject({
      code: 'CONFIG_MISSING',
      message: expect.stringContaining('server any: extraHosts names host-gateway'),
    })
  })
})

test('ownNetwork leaves nothing behind when a container cannot join', async () => {
  const engine = await testEngine()
  const name = `docker-mcp-test-own-network-${randomUUID()}`
  const lost: unknown[] = []
  const failed = ownNetwork(
    engine,
    {
      server: 'any',
      name,
      labels: {'docker-mcp': 'true'},
      container: 'docker-mcp-test-nobody',
      onLost: error => lost.push(error),
    },
    signal,
  )
  await expect(failed).rejects.toMatchObject({
    code: 'CONFIG_MISSING',
    message: expect.stringMatching(
      /server any: connectTo names the container docker-mcp-test-nobody, and it cannot join.*o such container/,
    ),
  })
  expect(lost).toEqual([])
  const named = ['network', 'ls', '--quiet', '--filter', `name=${name}`]
  expect((await run('docker', named)).stdout).toBe('')
})
