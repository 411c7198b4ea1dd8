import {readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'

import {describe, expect, test} from 'vitest'
import {parse} from 'yaml'
import * as z from 'zod'

import packageJson from '../../package.json' with {type: 'json'}
import {addCatalog} from '../support/cli-catalog.ts'
import {dockerCli} from '../support/docker-cli.ts'

const namesSchema = z.array(z.object({name: z.string()}))
const catalogSchema = z.object({
  name: z.string(),
  registry: z.record(z.string(), z.looseObject({image: z.string().optional()})),
})

describe('version', () => {
  test('is that of the package, in every format', async () => {
    await using cli = await dockerCli()
    const {version} = packageJson
    expect(await cli.mcp('version')).toBe(`${version}\n`)
    expect(JSON.parse(await cli.mcp('version', '--format', 'json'))).toMatchObject({version})
    expect(parse(await cli.mcp('version', '--format', 'yaml'))).toMatchObject({version})
  })
})

describe('catalog', () => {
  test('ls lists the one that comes with the program and those of the user', async () => {
    await using cli = await dockerCli()
    await addCatalog(cli, {mine: {image: 'example/mine'}})
    const rows = JSON.parse(await cli.mcp('catalog', 'ls', '--format', 'json'))
    expect(rows).toMatchObject([
      {name: 'docker-mcp', source: 'embedded'},
      {name: 'test', servers: 1, source: join(cli.mcpDir, 'catalogs/test.yaml')},
    ])
    expect(parse(await cli.mcp('catalog', 'list', '--format', 'yaml'))).toEqual(rows)
    expect(await cli.mcp('catalog', 'ls')).toMatch(/^NAME +SERVERS +SOURCE +TITLE\ndocker-mcp /)
  })

  test('show shows the servers of one, as lines or as the document it is', async () => {
    await using cli = await dockerCli()
    const human = await cli.mcp('catalog', 'show')
    expect(human).toMatch(/^NAME +TITLE\n/)
    expect(human).toMatch(/^github-official +\S/m)
    const json = catalogSchema.parse(
      JSON.parse(await cli.mcp('catalog', 'show', 'docker-mcp', '--format', 'json')),
    )
    expect(json.registry['memory']?.image).toContain('memory')
    expect(human.split('\n')).toHaveLength(Object.keys(json.registry).length + 2)
    const yaml = parse(await cli.mcp('catalog', 'show', '--format', 'yaml'))
    expect(catalogSchema.parse(yaml)).toEqual(json)
  })

  test('show prints what can be used as a catalog again', async () => {
    await using cli = await dockerCli()
    const file = join(cli.home, 'copy.yaml')
    await writeFile(file, await cli.mcp('catalog', 'show', '--format', 'yaml'))
    const flags = ['--catalog', file, '--servers', 'everything', '--dry-run']
    const {code, stderr} = await cli.run(['mcp', 'gateway', 'run', ...flags])
    expect(code, `stderr: ${stderr}`).toBe(0)
    expect(stderr).toContain('everything: (13 tools)')
  })
})

describe('server', () => {
  test('search finds by words, and lists all without any', async () => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'postgres')
    const found = await cli.mcp('server', 'search', 'sql', 'database')
    expect(found).toMatch(/^NAME +ENABLED +DESCRIPTION\n/)
    expect(found).toMatch(/^postgres +yes /m)
    expect(found).not.toMatch(/^memory /m)
    const json = JSON.parse(await cli.mcp('server', 'search', '--format', 'json'))
    expect(namesSchema.parse(json).length).toBeGreaterThan(40)
    const two = JSON.parse(await cli.mcp('server', 'search', '--limit=2', '--format=json'))
    expect(namesSchema.parse(two)).toHaveLength(2)
    expect(await cli.mcp('server', 'search', 'qqqqzzzz')).toBe(
      'No server in the catalogs matches.\n',
    )
  })

  test('ls tells what each still needs, in the words of docker', async () => {
    await using cli = await dockerCli()
    expect(await cli.mcp('server', 'ls')).toContain('docker mcp server search')
    const {stderr} = await cli.run(['mcp', 'server', 'enable', 'memory', 'github'])
    expect(stderr).toMatch(/^github needs a secret: docker mcp secret set github\./m)
    const rows = JSON.parse(await cli.mcp('server', 'ls', '--format', 'json'))
    expect(rows).toMatchObject([
      {name: 'memory', secrets: 'none', config: 'none', oauth: 'none'},
      {name: 'github', secrets: 'required'},
    ])
    expect(parse(await cli.mcp('server', 'list', '--format', 'yaml'))).toEqual(rows)
    expect(await cli.mcp('server', 'ls')).toMatch(/^github +\S+ +▲ required/m)
    const secrets = join(cli.home, 'secrets.env')
    await writeFile(secrets, 'github.personal_access_token=x\n')
    expect(await cli.mcp('server', 'ls', '--secrets', secrets)).toMatch(/^github +\S+ +✓ done/m)
  })

  test('inspect shows an entry with what is set for it', async () => {
    await using cli = await dockerCli()
    await cli.write('config.yaml', 'filesystem:\n  paths: [/tmp/one]\n')
    await cli.mcp('server', 'add', 'filesystem')
    const json = JSON.parse(await cli.mcp('server', 'inspect', 'filesystem', '--format', 'json'))
    expect(json).toMatchObject({
      name: 'filesystem',
      catalog: 'docker-mcp',
      enabled: true,
      configured: {paths: ['/tmp/one']},
    })
    expect(parse(await cli.mcp('server', 'inspect', 'filesystem'))).toEqual(json)
  })

  test('enable, disable and reset say what they changed, and keep the rest of the file', async () => {
    await using cli = await dockerCli()
    const file = await cli.write(
      'registry.yaml',
      '# mine\nregistry:\n  fetch: # keep\n    ref: ""\n',
    )
    const say = async (...words: string[]) => (await cli.run(['mcp', 'server', ...words])).stderr
    expect(await say('enable', 'fetch', 'memory')).toBe(
      'enabled memory\nfetch is already enabled\n',
    )
    expect(await readFile(file, 'utf8')).toMatch(/^# mine\nregistry:\n {2}fetch: # keep\n/)
    expect(await say('rm', 'memory')).toBe('disabled memory\n')
    expect(await say('remove', 'memory')).toContain('not enabled: memory')
    expect(await say('reset')).toBe('disabled fetch\n')
    expect(await say('reset')).toBe('no server was enabled\n')
    expect(await readFile(file, 'utf8')).toMatch(/^# mine\n/)
  })

  test('install tells that an image is there, and why another cannot be pulled', async () => {
    await using cli = await dockerCli()
    await addCatalog(cli, {absent: {image: 'localhost:1/nobody/has-this:1'}})
    const present = await cli.run(['mcp', 'server', 'install', 'everything', 'memory'])
    expect(present).toMatchObject({code: 0, stdout: ''})
    expect(present.stderr).toMatch(/^everything: \S+everything:\S+ is on the engine$/m)
    const failed = await cli.run(['mcp', 'server', 'install', 'everything', 'absent'])
    expect(failed).toMatchObject({code: 1, stdout: ''})
    expect(failed.stderr).toContain('absent: localhost:1/nobody/has-this:1 could not be pulled')
    expect(failed.stderr).toMatch(/^server absent: the engine could not pull .*refused/m)
    expect(failed.stderr).toContain('everything: localhost')
  })

  test('status tells which servers are ready, running, or not to be had', async () => {
    await using cli = await dockerCli()
    await addCatalog(cli, {absent: {image: 'localhost:1/nobody/has-this:1'}})
    await cli.mcp('server', 'enable', 'memory', 'absent', 'github')
    const rows = JSON.parse(await cli.mcp('server', 'status', '--format', 'json'))
    expect(rows).toMatchObject([
      {name: 'memory', state: expect.stringMatching(/^(ready|sleeping)$/)},
      {name: 'absent', state: 'not pulled', next: 'docker mcp server install absent'},
      {name: 'github', state: 'blocked', reason: expect.stringContaining('secret')},
    ])
    expect(await cli.mcp('server', 'status')).toMatch(/^NAME +STATE +CONTAINERS .* LAST\n/)
  })
})
