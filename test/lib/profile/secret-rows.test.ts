import {describe, expect, test} from 'vitest'
import {namesOfStores, secretRows} from '../../../src/lib/profile/secret-rows.ts'
import {secretUsers} from '../../../src/lib/profile/secret-users.ts'
import {openEnvironment} from '../../../src/lib/secrets/environment.ts'
import type {SecretStore} from '../../../src/lib/secrets/store.ts'

const SERVERS = new Map(
  Object.entries({
    zeta: [{name: 'a.key', env: 'A'}],
    beta: [
      {name: 'a.key', env: 'A'},
      {name: 'a.key', env: 'B'},
    ],
    alpha: [
      {name: 'b.key', env: 'B', required: false},
      {name: 'c.key', env: 'C'},
    ],
    off: [
      {name: 'a.key', env: 'A'},
      {name: 'd.key', env: 'D'},
    ],
  }).map(([name, secrets]) => [name, {name, secrets}] as const),
)

const USERS = secretUsers({
  servers: SERVERS,
  profile: {enabled: ['zeta', 'beta', 'alpha', 'gone']},
})

function listed(name: string, ...names: readonly string[]): SecretStore {
  return {
    name,
    unavailable: async () => undefined,
    names: async () => names,
    get: async () => undefined,
  }
}

test('secretUsers has each server once, those that are on before the others', () => {
  expect(USERS.get('a.key')).toEqual([
    {name: 'beta', enabled: true, required: true},
    {name: 'zeta', enabled: true, required: true},
    {name: 'off', enabled: false, required: true},
  ])
})

describe('secretRows', () => {
  test('has what is set, and what servers need that are on', async () => {
    const stores = await namesOfStores([listed('one', 'b.key', 'own'), listed('two', 'b.key')], [])
    const rows = secretRows(USERS, stores)
    expect(rows.map(({name, provider, stores: all}) => ({name, provider, all}))).toEqual([
      {name: 'a.key', provider: undefined, all: []},
      {name: 'b.key', provider: 'one', all: ['one', 'two']},
      {name: 'c.key', provider: undefined, all: []},
      {name: 'own', provider: 'one', all: ['one']},
    ])
    expect(rows.at(-1)?.servers).toEqual([])
  })
})

describe('namesOfStores', () => {
  test('calls what variables have by the names that servers declare', async () => {
    const env = {DOCKER_MCP_SECRET_A_KEY: '1', DOCKER_MCP_SECRET_OTHER: '2', C_KEY: '3', HOME: '/'}
    const names = async (isPlain: boolean) => {
      const store = openEnvironment({env, cwd: '/'}, {isPlain})
      const [found] = await namesOfStores([store], USERS.keys())
      return [...(found?.names ?? [])]
    }
    expect(await names(false)).toEqual(['a.key', 'OTHER'])
    expect(await names(true)).toEqual(['a.key', 'c.key', 'OTHER'])
  })

  test('tells why one cannot be asked, and asks the others', async () => {
    const broken = {
      ...listed('file'),
      names: async () => {
        throw new Error('it is damaged')
      },
    }
    const known = await namesOfStores([broken, listed('two', 'x')], [])
    expect(known).toEqual([
      {name: 'file', names: new Set(), failure: 'it is damaged'},
      {name: 'two', names: new Set(['x'])},
    ])
  })
})
