import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {PluginError} from '../../../src/lib/base/errors.ts'
import {setUpGateway} from '../../../src/lib/gateway/setup.ts'
import {fixtureCatalog, fixtureImage} from '../../support/fixture-images.ts'
import {testEngine, testHome, testOptions} from '../../support/in-process-gateway.ts'

const unreached = () => Promise.reject(new Error('the engine was asked'))

describe('setUpGateway', () => {
  test('asks no engine and starts nothing', async () => {
    await using home = await testHome(unreached)
    await using catalog = await fixtureCatalog(['counts-calls', 'same-names'])
    const options = await testOptions(home, {servers: ['same-names'], catalog: catalog.file})
    const {gateway, plan, owner} = await setUpGateway(home.deps, options)
    expect(plan.servers.map(({name}) => name)).toEqual(['same-names'])
    expect(owner).toMatch(/^[0-9a-f]{20}$/)
    await gateway[Symbol.asyncDispose]()
    expect([...home.notices, ...home.log]).toEqual([])
  })

  test('gives no server the socket by which the gateway is commanded, nor a folder with it', async () => {
    await using home = await testHome(testEngine)
    const {stateDir} = home.deps.paths
    const file = join(home.dir, 'curious.yaml')
    const image = await fixtureImage('counts-calls')
    const folders = [stateDir, join(stateDir, 'gateways'), join(home.dir, 'own')]
    await Promise.all(folders.map(folder => mkdir(folder, {recursive: true})))
    const entries = folders.map((dir, at) => [`s${at}`, {image, volumes: [`${dir}:/x`]}] as const)
    await writeFile(file, JSON.stringify({registry: Object.fromEntries(entries)}))
    const options = await testOptions(home, {servers: ['s0', 's1', 's2'], catalog: file})
    const {fleet, gateway, plan} = await setUpGateway(home.deps, options)
    const {signal} = new AbortController()
    const started = await Promise.allSettled(
      plan.servers.map(({start}) => {
        if (start instanceof PluginError) throw start
        return fleet.openers(start).legacy({session: 'one', onMessage: () => undefined, signal})
      }),
    )
    const why = started.map(one => (one.status === 'rejected' ? String(one.reason.message) : 'ok'))
    for (const one of started)
      if (one.status === 'fulfilled') await one.value[Symbol.asyncDispose]()
    await gateway[Symbol.asyncDispose]()
    const refused = expect.stringContaining(`is, or contains, the socket "${stateDir}/gateways/`)
    expect(why).toEqual([refused, refused, 'ok'])
  })

  test('takes everything in the catalogs when it is told so', async () => {
    await using home = await testHome(unreached)
    await using catalog = await fixtureCatalog(['counts-calls', 'same-names'])
    const options = await testOptions(home, {servers: [], catalog: catalog.file})
    const {plan} = await setUpGateway(home.deps, {...options, enableAllServers: true})
    expect(plan.servers.map(({name}) => name)).toEqual(['counts-calls', 'same-names'])
  })

  test('says what entries of chosen servers have that means nothing', async () => {
    await using home = await testHome(unreached)
    const file = join(home.dir, 'odd.yaml')
    await writeFile(
      file,
      `registry:
  odd: {image: x, allowHost: [a], allowHosts: ["a:1"], extraHosts: ["db.internal:10.0.0.1"]}
  other: {image: x, foo: 1}
`,
    )
    const options = await testOptions(home, {servers: ['odd'], catalog: file})
    const {gateway} = await setUpGateway(home.deps, options)
    await gateway[Symbol.asyncDispose]()
    expect(home.notices).toEqual([
      `! the catalog entry of odd has keys that mean nothing here: allowHost (${file}:2)`,
      `! the catalog entry of odd: extraHosts names db.internal, which no rule of allowHosts allows (${file}:2)`,
    ])
  })

  test('does not start a server with a misspelt key, and says which', async () => {
    await using home = await testHome(unreached)
    const file = join(home.dir, 'odd.yaml')
    await writeFile(file, 'registry:\n  odd: {image: x, allowhosts: ["a:1"]}\n')
    const options = await testOptions(home, {servers: ['odd'], catalog: file})
    const {gateway, plan} = await setUpGateway(home.deps, options)
    await gateway[Symbol.asyncDispose]()
    expect(plan.servers).toMatchObject([
      {
        name: 'odd',
        start: {
          code: 'CATALOG_INVALID',
          message: `the catalog entry of odd is left out: allowhosts is not a key of the format: did you mean allowHosts? (${file}:2)`,
        },
      },
    ])
  })

  test.each([
    [{cpus: 'many'}, 'USAGE'],
    [{memory: 'much'}, 'USAGE'],
    [{catalogs: ['no-such-catalog']}, 'CATALOG_UNKNOWN'],
    [{secrets: '/no/such/secrets.env'}, 'FILE_MISSING'],
    [{config: ['/no/such/config.yaml']}, 'FILE_MISSING'],
  ])('refuses %j', async (wrong, code) => {
    await using home = await testHome(unreached)
    await using catalog = await fixtureCatalog(['counts-calls'])
    const options = await testOptions(home, {servers: [], catalog: catalog.file})
    await expect(setUpGateway(home.deps, {...options, ...wrong})).rejects.toMatchObject({code})
  })
})
