import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {expect, onTestFinished, test} from 'vitest'
import {statePaths} from '../../../src/lib/files/paths.ts'
import {readFacts, type FactsSelection} from '../../../src/lib/gateway/facts.ts'
import {parseCatalog} from '../../../src/lib/model/catalog.ts'

const TOKEN = {name: 'github.token', env: 'TOKEN'}
const registry = (name: string, image: string) => ({
  [name]: {title: name, description: name, type: 'server', image, secrets: [TOKEN]},
})
const snapshot = (name: string, image: string) => ({
  type: 'image',
  image,
  snapshot: {server: {name, image, secrets: [TOKEN]}},
})

/** The notices of a gateway whose user has set a secret of the server `github` of the program's own catalog. */
async function noticesOf(
  selection: Partial<FactsSelection>,
  variables: Readonly<Record<string, string>> = {DOCKER_MCP_SECRET_GITHUB_TOKEN: 'hunter2000'},
): Promise<readonly string[]> {
  const cwd = await mkdtemp(join(tmpdir(), 'borrowed-'))
  onTestFinished(() => rm(cwd, {recursive: true, force: true}))
  await mkdir(join(cwd, 'docker'))
  const env = {DOCKER_CONFIG: join(cwd, 'docker'), HOME: cwd, ...variables}
  const {catalog: embedded} = parseCatalog(
    {name: 'docker-mcp', registry: registry('github', 'mcp/github:1')},
    'embedded',
  )
  const files = {
    'mcp.yaml': {
      id: 'team',
      servers: [snapshot('weather', 'somebody/weather'), snapshot('hub', 'mcp/github:2@sha256:0')],
    },
    'more.yaml': {name: 'more', registry: registry('sun', 'localhost:5000/sun')},
  }
  for (const [name, value] of Object.entries(files)) {
    await writeFile(join(cwd, name), JSON.stringify(value))
  }
  const given = {embedded: async () => embedded, settings: async () => ({})}
  const input = {paths: statePaths({env}), env, cwd, ...given}
  return (await readFacts(input, {enableAllServers: false, secrets: 'env', ...selection})).notices
}

test('a profile that takes the secret of another server is told', async () => {
  expect(await noticesOf({profileFile: 'mcp.yaml'})).toEqual([
    'weather (from the profile team) is given github.token, a secret of github',
  ])
})

test('and so is a catalog, also when it is in the place of the usual one', async () => {
  const line = 'sun (from the catalog more) is given github.token, a secret of github'
  expect(
    await noticesOf({additionalCatalogs: ['./more.yaml'], servers: ['sun', 'github']}),
  ).toEqual([line])
  expect(await noticesOf({catalogs: ['./more.yaml'], servers: ['sun']})).toEqual([line])
})

test('nothing is told where there is no value to give', async () => {
  expect(await noticesOf({profileFile: 'mcp.yaml'}, {})).toEqual([])
})
