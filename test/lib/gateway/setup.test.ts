import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {setUpGateway} from '../../../src/lib/gateway/setup.ts'
import {fixtureCatalog} from '../../support/fixture-images.ts'
import {testHome, testOptions} from '../../support/in-process-gateway.ts'

const unreached = () => Promise.reject(new Error('the engine was asked'))

describe('setUpGateway', () => {
  test('asks no engine and starts nothing', async () => {
    await using home = await testHome(unreached)
    await using catalog = await fixtureCatalog(['counts-calls', 'same-names'])
    const options = await testOptions(home, {servers: ['same-names'], catalog: catalog.file})
    const {gateway, plan, owner} = await setUpGateway(home.deps, options)
    expect(plan.servers.map(({name}) => name)).toEqual(['same-names'])
    expect(owner).toMatch(/^[0-9a-f]{16}$/)
    await gateway[Symbol.asyncDispose]()
    expect([...home.notices, ...home.log]).toEqual([])
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
      '! the catalog entry of odd has keys that mean nothing here: allowHost',
      '! the catalog entry of odd: extraHosts names db.internal, which no rule of allowHosts allows',
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
          message:
            'the catalog entry of odd is left out: allowhosts is not a key of the format: did you mean allowHosts?',
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
