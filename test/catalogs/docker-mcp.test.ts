import {readFileSync} from 'node:fs'
import {describe, expect, test} from 'vitest'
import {parse} from 'yaml'
import {type CatalogServer, parseCatalog} from '../../src/lib/model/catalog.ts'
import {checkConfig} from '../../src/lib/model/config-check.ts'
import {secretsInCommand} from '../../src/lib/model/expand.ts'
import {bindServer} from '../../src/lib/model/server.ts'

const FILE = new URL('../../catalogs/docker-mcp.yaml', import.meta.url)
const {catalog, problems} = parseCatalog(parse(readFileSync(FILE, 'utf8')), 'docker-mcp.yaml')
const servers = [...catalog.servers]

function server(name: string): CatalogServer {
  const found = catalog.servers.get(name)
  if (!found) throw new Error(`no ${name}`)
  return found
}

describe('the catalog that comes along', () => {
  test('has no problem of any kind', () => {
    expect(problems).toEqual([])
    expect(catalog).toMatchObject({name: 'docker-mcp', displayName: 'Docker MCP Catalog'})
    expect(catalog.servers.size).toBeGreaterThanOrEqual(45)
  })

  test('describes every server, and names it so that it can be typed', () => {
    const lacking = servers.filter(
      ([name, {title, description, metadata}]) =>
        !/^[a-z0-9][a-z0-9._-]*$/u.test(name) ||
        !title?.trim() ||
        !description?.trim() ||
        !metadata?.category ||
        !metadata.tags?.length,
    )
    expect(lacking.map(([name]) => name)).toEqual([])
  })

  test('pins no digest, so that an image can be updated', () => {
    expect(servers.filter(([, {image}]) => image?.includes('@'))).toEqual([])
  })

  test('groups the configuration of each server under its own name', () => {
    const groups = servers.flatMap(([name, {config = []}]) => config.map(schema => [name, schema]))
    expect(groups).toEqual(groups.map(([name]) => [name, expect.objectContaining({name})]))
  })

  test('describes every value that a template uses, and uses every one that it describes', () => {
    const described = servers.flatMap(([name, {config = []}]) =>
      config.flatMap(schema => leaves(schema, `${name}.`)),
    )
    const used = servers.flatMap(([, entry]) =>
      [...JSON.stringify(entry).matchAll(/\{\{([^|}]+)/gu)].map(match => match[1] ?? ''),
    )
    expect(new Set(used)).toEqual(new Set(described))
  })

  test('binds every server without any configuration', () => {
    const specs = servers.map(([, entry]) => bindServer(entry, {}, '/home/me'))
    const kinds = servers.map(([, {remote}]) => (remote ? 'remote' : 'container'))
    expect(specs.map(({kind}) => kind)).toEqual(kinds)
    const volumes = specs.flatMap(spec => (spec.kind === 'container' ? spec.volumes : []))
    expect(volumes.filter(volume => volume.startsWith(':'))).toEqual([])
  })

  test('allows hosts only where no address is set or given by the user, and then over TLS', () => {
    const restricted = servers.filter(([, {allowHosts}]) => allowHosts)
    expect(restricted.map(([name]) => name)).toContain('brave')
    expect(restricted.filter(([, entry]) => takesAddress(entry)).map(([name]) => name)).toEqual([])
    const rules = restricted.flatMap(([, {allowHosts = []}]) => allowHosts)
    expect(rules.filter(rule => !/^[a-z0-9.]+\.[a-z]+:443$/.test(rule))).toEqual([])
  })

  test('shows a secret in arguments of postgres alone, and says what to do', () => {
    const specs = servers.map(([, entry]) => bindServer(entry, {}, '/home/me'))
    const shown = specs.filter(
      spec => spec.kind === 'container' && secretsInCommand(spec).length > 0,
    )
    expect(shown.map(({name}) => name)).toEqual(['postgres'])
    expect(server('postgres').description).toContain('--expose-secrets=postgres')
  })

  for (const name of ['everything', 'filesystem', 'memory', 'sequentialthinking']) {
    test(`runs the sample ${name} from its local image, without network`, () => {
      expect(server(name)).toMatchObject({
        image: `localhost/docker-mcp/${name}:2026.8.31`,
        disableNetwork: true,
      })
      expect(server(name).description).toContain('npm run samples')
      expect(checkConfig(server(name), {})).toEqual([])
    })
  }

  test('keeps the files of the filesystem server in a volume when no folder is named', () => {
    expect(bindServer(server('filesystem'), {}, '/home/me')).toMatchObject({
      command: ['/files'],
      volumes: ['docker-mcp-filesystem:/files'],
    })
    expect(bindServer(server('filesystem'), {paths: []}, '/home/me')).toMatchObject({
      command: ['/files'],
      volumes: ['docker-mcp-filesystem:/files'],
    })
  })

  test('mounts the folders of the filesystem server', () => {
    const config = {paths: ['/work', 'C:\\Users']}
    expect(bindServer(server('filesystem'), config, '/home/me')).toMatchObject({
      command: ['/work', '/C/Users'],
      volumes: ['/work:/work', 'C:\\Users:/C/Users'],
    })
  })

  test('keeps the memory of the memory server in a volume', () => {
    expect(bindServer(server('memory'), {}, '/home/me')).toMatchObject({
      volumes: ['docker-mcp-memory:/data'],
      env: [{name: 'MEMORY_FILE_PATH', value: '/data/memory.jsonl'}],
    })
  })
})

/** Whether a value of the configuration is, or may be, the address of what the server speaks to. */
function takesAddress({name, config = []}: CatalogServer): boolean {
  const names = config.flatMap(schema => leaves(schema, `${name}.`))
  return names.some(path => /url|host|address|connection|endpoint/.test(path))
}

/** The paths of the values in a schema that people set. */
function leaves(schema: object, prefix: string): string[] {
  const properties: unknown = 'properties' in schema ? schema.properties : undefined
  if (typeof properties !== 'object' || properties === null) return [prefix.slice(0, -1)]
  return Object.entries(properties).flatMap(([name, property]: [string, unknown]) =>
    typeof property === 'object' && property !== null ? leaves(property, `${prefix}${name}.`) : [],
  )
}
