import {readFile, rm, writeFile} from 'node:fs/promises'
import {DatabaseSync} from 'node:sqlite'
import {join} from 'node:path'

import {describe, expect, test} from 'vitest'
import {parse} from 'yaml'

import {sampleImage} from '../support/cli-catalog.ts'
import {connectStdio} from '../support/cli-client.ts'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {registryServer} from '../support/registry.ts'

const TOKEN = `ghp_${'a1'.repeat(18)}`

/** stdout, then stderr, as a person reads them. */
async function said(cli: DockerCli, ...words: readonly string[]): Promise<string> {
  const {stdout, stderr} = await cli.run(['mcp', 'profile', ...words])
  return stdout + stderr
}

async function profileFile(cli: DockerCli, id: string): Promise<string> {
  return readFile(join(cli.mcpDir, 'profiles', `${id}.yaml`), 'utf8')
}

/** A profile as a project commits one: nothing else is needed to serve it. */
async function committed(cli: DockerCli): Promise<string> {
  const file = join(cli.home, 'project.yaml')
  const text = `# of this project
name: Project
servers:
  - name: notes
    colour: red
    tools: [read_graph]
    snapshot:
      server:
        name: notes
        image: ${await sampleImage('memory')}
        disableNetwork: true
  - name: everything
    tools: [echo]
`
  await writeFile(file, text)
  return file
}

const DOTTED = 'name: dev\nservers:\n  - name: fetch\n    config:\n      a.b: 1\n      c: {d: 2}\n'

describe('profile', () => {
  test('create, ls, show and rm keep sets of servers', async () => {
    await using cli = await dockerCli()
    const create = ['create', '--name', 'Web Research', '--server', 'fetch,duckduckgo']
    expect(await said(cli, ...create)).toBe('Created profile web_research with 2 servers\n')
    expect(await said(cli, ...create)).toMatchInlineSnapshot(`
      "there is a profile "web_research" already
        choose another name, or remove it: docker mcp profile rm web_research
      "
    `)
    expect(await said(cli, 'ls')).toMatchInlineSnapshot(`
      "ID	Name	In use
      default	Default Profile	yes
      web_research	Web Research	-
      "
    `)
    expect(await said(cli, 'show', 'web_research')).toMatchInlineSnapshot(`
      "version: 1
      id: web_research
      name: Web Research
      servers:
        - name: fetch
        - name: duckduckgo
      secrets:
        default:
          provider: docker-desktop-store
      "
    `)
    const json = JSON.parse(await cli.mcp('profile', 'show', 'web_research', '--format', 'json'))
    expect(json).toEqual(parse(await said(cli, 'show', 'web_research')))
    expect(JSON.parse(await cli.mcp('profile', 'list', '--format', 'json'))).toMatchObject([
      {id: 'default', inUse: true, servers: []},
      {...json, inUse: false},
    ])
    expect(await said(cli, 'show', 'web')).toMatchInlineSnapshot(`
      "there is no profile "web"
        did you mean "web_research"?
      "
    `)
    expect(await said(cli, 'remove', 'web_research')).toBe('Removed profile web_research\n')
    expect(await said(cli, 'rm', 'web_research')).toContain('there is no profile "web_research"')
  })

  test('server add, ls and rm change what is in one, in place', async () => {
    await using cli = await dockerCli()
    const file = await cli.write(
      'profiles/dev.yaml',
      '# mine\nid: dev\nname: Dev\nservers:\n  - name: fetch # the web\n    config: {a: 1}\n',
    )
    expect(await said(cli, 'server', 'add', 'dev', '--server', 'time', '--server', 'fetch')).toBe(
      'Added 2 server(s) to profile dev\nfetch was in it before\n',
    )
    expect(await readFile(file, 'utf8')).toBe(
      '# mine\nid: dev\nname: Dev\nservers:\n  - name: fetch # the web\n    config: {a: 1}\n  - name: time\n',
    )
    expect(await said(cli, 'server', 'add', 'dev', '--server', 'tyme')).toContain('"time"')
    await cli.mcp('server', 'enable', 'memory')
    expect(await said(cli, 'server', 'ls')).toMatchInlineSnapshot(`
      "PROFILE   TYPE      IDENTIFIER
      default   catalog   memory
      dev       catalog   fetch
      dev       catalog   time
      "
    `)
    const filter = ['--filter', 'name=im', '--filter', 'profile=dev', '--format', 'json']
    expect(JSON.parse(await cli.mcp('profile', 'server', 'list', ...filter))).toEqual([
      {profile: 'dev', name: 'time', type: 'catalog', identifier: 'time'},
    ])
    expect(await said(cli, 'server', 'ls', '-f', 'image=x')).toContain('"image=x" is not a filter')
    expect(await said(cli, 'server', 'rm', 'dev', 'fetch', '--name', 'git')).toBe(
      'Removed 1 server(s) from profile dev\ngit was not in it\n',
    )
    expect(await readFile(file, 'utf8')).toBe(
      '# mine\nid: dev\nname: Dev\nservers:\n  - name: time\n',
    )
    expect(await said(cli, 'server', 'rm', 'dev', 'git')).toContain('has none of them: git')
  })

  test('server add takes references, and keeps what they mean now', async () => {
    await using cli = await dockerCli()
    const file = join(cli.home, 'mine.yaml')
    await writeFile(file, 'registry:\n  here: {image: example/here, description: Is here.}\n')
    const references = ['catalog://docker-mcp/fetch+time', `file://${file}`, 'memory']
    const add = references.flatMap(reference => ['--server', reference])
    expect(await said(cli, 'create', '--name', 'dev', ...add)).toBe(
      'Created profile dev with 4 servers\n',
    )
    expect(await said(cli, 'server', 'ls')).toMatchInlineSnapshot(`
      "PROFILE   TYPE      IDENTIFIER
      dev       image     mcp/fetch
      dev       image     mcp/time
      dev       image     example/here
      dev       catalog   memory
      "
    `)
    expect(parse(await said(cli, 'show', 'dev'))).toMatchObject({
      servers: [
        {type: 'image', image: 'mcp/fetch', snapshot: {server: {name: 'fetch'}}},
        {type: 'image', image: 'mcp/time'},
        {type: 'image', image: 'example/here', snapshot: {server: {name: 'here'}}},
        {name: 'memory'},
      ],
    })
    await cli.mcp('profile', 'config', 'dev', '--set', 'here.a=1')
    await writeFile(file, 'registry:\n  here: {image: example/other}\n')
    expect(await said(cli, 'server', 'add', 'dev', '--server', `file://${file}`)).toBe(
      'Added 1 server(s) to profile dev\nhere was in it before\n',
    )
    expect(parse(await said(cli, 'show', 'dev'))).toMatchObject({
      servers: [{}, {}, {image: 'example/other', config: {a: 1}}, {}],
    })
    const other = ['--server', `file://${file}`]
    expect(await said(cli, 'server', 'add', 'default', ...other)).toContain(
      'none of them has "here"',
    )
    expect(await said(cli, 'server', 'add', 'dev', '--server', 'ftp://x')).toContain(
      'names no server',
    )
  })

  test('config sets, prints and deletes values, in a file of its own or in config.yaml', async () => {
    await using cli = await dockerCli()
    await cli.mcp('profile', 'create', '--name', 'dev', '--server', 'filesystem,grafana')
    await cli.mcp('server', 'enable', 'filesystem', 'grafana')
    const config = await cli.write('config.yaml', '# mine\nother: {x: 1} # stays\n')
    for (const id of ['dev', 'default']) {
      const set = ['filesystem.paths=["/a,b"]', 'grafana.url=http://g', 'grafana.deep.n=3']
      expect(await said(cli, 'config', id, ...set.flatMap(pair => ['--set', pair]))).toBe('')
      expect(await said(cli, 'config', id, '--get-all')).toContain(
        'filesystem.paths=["/a,b"]\ngrafana.url=http://g\ngrafana.deep.n=3\n',
      )
      const one = ['--get', 'grafana.deep', '--get', 'grafana.url', '--format', 'json']
      expect(JSON.parse(await said(cli, 'config', id, ...one))).toEqual({
        'grafana.deep.n': 3,
        'grafana.url': 'http://g',
      })
      expect(await said(cli, 'config', id, '--del', 'grafana.deep')).toBe('')
      expect(await said(cli, 'config', id, '--get', 'grafana.deep')).toContain(
        'sets no grafana.deep',
      )
    }
    expect(await readFile(config, 'utf8')).toBe(
      '# mine\nother: {x: 1} # stays\nfilesystem:\n  paths:\n    - /a,b\ngrafana:\n  url: http://g\n',
    )
    const both = ['--set', 'grafana.url=x', '--del', 'grafana.url']
    expect(await said(cli, 'config', 'dev', ...both)).toContain('to be set and to be deleted')
    expect(await said(cli, 'config', 'dev', '--set', 'git.x=1')).toContain('no server named "git"')
    expect(await said(cli, 'config', 'dev', '--set', 'grafana')).toContain('not <server>.<key>=')
    expect(await said(cli, 'config', 'dev')).toContain('give --set, --get, --del or --get-all')
  })

  test('tools switches tools on and off, and never others with them', async () => {
    await using cli = await dockerCli()
    await cli.mcp('profile', 'create', '--name', 'dev', '--server', 'duckduckgo')
    const tools = (...words: string[]) => said(cli, 'tools', 'dev', ...words)
    expect(await tools('--enable', 'duckduckgo.search')).toBe('duckduckgo: all tools are on\n')
    expect(await tools('--disable', 'duckduckgo.search')).toBe('duckduckgo: on is fetch_content\n')
    expect(await tools('--enable', 'duckduckgo.search')).toBe('duckduckgo: all tools are on\n')
    expect(await profileFile(cli, 'dev')).not.toContain('tools')
    const only = ['--disable-all', 'duckduckgo', '--enable', 'duckduckgo.search']
    expect(await tools(...only)).toBe('duckduckgo: on is search\n')
    expect(await profileFile(cli, 'dev')).toContain('tools:\n      - search\n')
    const twice = ['--enable', 'duckduckgo.fetch_content', '--disable', 'duckduckgo.fetch_content']
    expect(await tools(...twice)).toBe(
      '! duckduckgo.fetch_content is to be switched on and off: off wins\nduckduckgo: on is search\n',
    )
    const before = await profileFile(cli, 'dev')
    for (const flag of ['--enable', '--disable']) {
      const words = ['profile', 'tools', 'dev', '--enable-all', 'duckduckgo', flag, 'duckduckgo.x']
      const {code, stderr} = await cli.run(['mcp', ...words])
      expect(code).toBe(1)
      expect(stderr).toContain('duckduckgo has no tool "x"')
      expect(await profileFile(cli, 'dev')).toBe(before)
    }
    expect(await tools('--disable-all', 'duckduckgo')).toBe('duckduckgo: no tool is on\n')
    expect(await profileFile(cli, 'dev')).toContain('tools: []\n')
    expect(await tools('--enable-all', 'duckduckgo')).toBe('duckduckgo: all tools are on\n')
    expect(await profileFile(cli, 'dev')).not.toContain('tools')
    expect(await tools('--enable', 'git.x')).toContain('no server named "git"')
    expect(await tools('--disable', 'duckduckgo.serch')).toContain(
      'did you mean duckduckgo.search?',
    )
  })

  test.each(['dev', 'default'])(
    'tools of %s that are switched at once are all switched',
    async id => {
      await using cli = await dockerCli()
      await cli.mcp('profile', 'create', '--name', 'dev', '--server', 'fetch,git')
      await cli.mcp('server', 'enable', 'fetch', 'git')
      const catalog = await cli.mcp('server', 'inspect', 'git')
      const all: string[] = parse(catalog).tools.map(({name}: {name: string}) => name)
      const [first, ...off] = all.slice(0, 4)
      await cli.mcp('profile', 'tools', id, '--disable', `git.${first}`)
      await Promise.all(
        off.map(tool => cli.mcp('profile', 'tools', id, '--disable', `git.${tool}`)),
      )
      const left = await said(cli, 'tools', id, '--enable', `git.${first}`)
      expect(left.trim().split(': on is ')[1]?.split(', ').toSorted()).toEqual(
        all.filter(name => !off.includes(name)).toSorted(),
      )
    },
  )

  test('tools asks a server whose entry does not tell them, as the docs show', async () => {
    await using cli = await dockerCli()
    await cli.mcp('profile', 'create', '--name', 'dev', '--server', 'everything')
    const off = await said(cli, 'tools', 'dev', '--disable', 'everything.echo')
    expect(off).toMatch(/^everything: on is (?!.*echo)/m)
    expect(await said(cli, 'tools', 'dev', '--enable', 'everything.eco')).toContain(
      'everything has no tool "eco"',
    )
    // One that the server has no more can still be taken out.
    const text = await profileFile(cli, 'dev')
    await cli.write('profiles/dev.yaml', text.replace('get-sum', 'gone'))
    expect(await profileFile(cli, 'dev')).toContain('gone')
    await cli.mcp('profile', 'tools', 'dev', '--disable', 'everything.gone')
    expect(await profileFile(cli, 'dev')).not.toContain('gone')
  })

  test('one in use whose file is gone is told everywhere, with the way out', async () => {
    await using cli = await dockerCli()
    await cli.mcp('profile', 'create', '--name', 'dev', '--server', 'fetch')
    await cli.mcp('profile', 'use', 'dev')
    for (const words of [['read'], ['write', 'a: {b: 1}'], ['reset']]) {
      const {stderr} = await cli.run(['mcp', 'config', ...words])
      expect(stderr).toContain('the profile dev counts')
      expect(stderr).toContain('docker mcp profile config dev')
    }
    await rm(join(cli.mcpDir, 'profiles/dev.yaml'))
    const list = await cli.run(['mcp', 'profile', 'ls'])
    expect(list.stdout).toContain('dev\t(missing)\tyes\n')
    const servers = await cli.run(['mcp', 'server', 'ls'])
    for (const {code, stderr} of [list, servers]) {
      expect(code).toBe(1)
      expect(stderr).toContain('the profile "dev" is in use, and its file is gone')
      expect(stderr).toContain('docker mcp profile use default')
    }
    await cli.mcp('profile', 'use', 'default')
    expect((await cli.run(['mcp', 'server', 'ls'])).code).toBe(0)
    const none = await said(cli, 'rm', 'default')
    expect(none).toContain('the default profile has no file')
    expect(none).not.toContain('did you mean')
    expect(await cli.mcp('profile', 'create', '--name', 'one', '--server', 'fetch')).toBe(
      'Created profile one with 1 server\n',
    )
    const again = await said(cli, 'create', '--name', 'one')
    expect(again).not.toContain('--id')
    await cli.write('profiles/round.yaml', 'servers: &a\n  - name: x\n    config: {a: *a}\n')
    expect(await said(cli, 'show', 'round')).toContain('the profile nests too deep')
  })

  test('config finds keys with dots in them, and says which it does not find', async () => {
    await using cli = await dockerCli()
    await cli.mcp('profile', 'create', '--name', 'dev', '--server', 'fetch')
    await cli.mcp('server', 'enable', 'fetch')
    const file = await cli.write('profiles/dev.yaml', DOTTED)
    const files = {
      dev: file,
      default: await cli.write('config.yaml', 'fetch:\n  a.b: 1\n  c: {d: 2}\n'),
    }
    for (const [id, path] of Object.entries(files)) {
      expect(await said(cli, 'config', id, '--set', 'fetch.a.b=7', '--get', 'fetch.a.b')).toBe(
        'fetch.a.b=7\n',
      )
      expect(await readFile(path, 'utf8')).toContain('a.b: 7')
      const missing = await said(cli, 'config', id, '--del', 'fetch.a.c')
      expect(missing).toContain('fetch.a.c is not set')
      expect(missing).toContain('did you mean "fetch.a.b"')
      expect(await said(cli, 'config', id, '--del', 'fetch.a.b')).toBe('')
      expect(await said(cli, 'config', id, '--get-all')).toBe('fetch.c.d=2\n')
      expect(await said(cli, 'config', id, '--set', 'fetch.__proto__.x=1')).toContain('__proto__')
    }
    const token = `ghp_${'a1'.repeat(18)}`
    for (const id of ['dev', 'default']) {
      const refused = await said(cli, 'config', id, '--set', `fetch.key=${token}`)
      expect(refused).toContain('looks like a credential')
      expect(refused).not.toContain(token)
    }
  })

  test('use decides what counts: less than the gateway file, a variable, and a flag', async () => {
    await using cli = await dockerCli()
    for (const [id, server] of [
      ['used', 'fetch'],
      ['filed', 'time'],
      ['varied', 'git'],
      ['flagged', 'memory'],
    ] as const) {
      await cli.mcp('profile', 'create', '--name', id, '--server', server)
    }
    const enabled = async (flags: readonly string[] = [], env = {}) => {
      const {stdout} = await cli.run(['mcp', 'server', 'ls', '--format', 'json', ...flags], {env})
      const rows: {name: string}[] = JSON.parse(stdout)
      return rows.map(({name}) => name)
    }
    expect(await enabled()).toEqual([])
    expect(await said(cli, 'use', 'used')).toBe('Using profile used\n')
    expect(await said(cli, 'use')).toBe('used\n')
    expect(await enabled()).toEqual(['fetch'])
    await cli.write('mcp-gateway-config.yaml', 'profile: filed\n')
    expect(await enabled()).toEqual(['time'])
    expect(await said(cli, 'use', 'used')).toContain('says “profile: filed”, which wins over it')
    const env = {DOCKER_MCP_PROFILE: 'varied'}
    expect(await enabled([], env)).toEqual(['git'])
    expect(await enabled(['--profile', 'flagged'], env)).toEqual(['memory'])
    expect(await enabled(['--profile', 'default'], env)).toEqual([])
    const file = await committed(cli)
    expect(await enabled(['--profile-file', file], env)).toEqual(['notes', 'everything'])
  })

  test('enable and disable change the profile that counts', async () => {
    await using cli = await dockerCli()
    await cli.mcp('profile', 'create', '--name', 'dev', '--server', 'fetch')
    await cli.mcp('server', 'enable', 'time', '--profile', 'dev')
    await cli.mcp('profile', 'use', 'dev')
    await cli.mcp('server', 'disable', 'fetch')
    expect(await profileFile(cli, 'dev')).toContain('servers:\n  - name: time\n')
    expect((await cli.run(['mcp', 'server', 'reset'])).stderr).toBe('disabled time\n')
    expect(await profileFile(cli, 'dev')).toContain('servers: []\n')
    await cli.mcp('profile', 'rm', 'dev')
    expect(await said(cli, 'use')).toBe('default\n')
  })

  test('export and import carry all that others need, as YAML and as JSON', async () => {
    await using cli = await dockerCli()
    await using other = await dockerCli()
    await cli.mcp('profile', 'create', '--name', 'Dev', '--server', 'fetch,deepwiki')
    await cli.mcp('profile', 'config', 'dev', '--set', 'fetch.a=1')
    for (const name of ['dev.yaml', 'dev.json']) {
      const file = join(cli.home, name)
      expect(await said(cli, 'export', 'dev', file)).toBe(`Exported profile dev to ${file}\n`)
      const document: unknown = parse(await readFile(file, 'utf8'))
      expect(document).toMatchObject({
        version: 1,
        id: 'dev',
        name: 'Dev',
        servers: [
          {
            type: 'image',
            image: 'mcp/fetch',
            config: {a: 1},
            secrets: 'default',
            snapshot: {server: {name: 'fetch', image: 'mcp/fetch'}},
          },
          {type: 'remote', endpoint: expect.stringMatching(/^https:/), secrets: 'default'},
        ],
        secrets: {default: {provider: 'docker-desktop-store'}},
      })
      expect(await said(other, 'import', file)).toBe('Imported profile dev\n')
      expect(parse(await said(other, 'show', 'dev'))).toEqual(document)
    }
    expect(await said(cli, 'export', 'dev', 'dev.txt')).toContain('end its name with .yaml')
    expect(await said(cli, 'import', join(cli.home, 'none.yaml'))).toContain('does not exist')
  })

  test('push and pull carry one through a registry, and never replace one', async () => {
    await using cli = await dockerCli()
    await using other = await dockerCli()
    await using registry = await registryServer()
    const ref = `${registry.host}/team/dev:one`
    await cli.mcp('profile', 'create', '--name', 'Team Dev', '--id', 'mine', '--server', 'fetch')
    await cli.mcp('profile', 'config', 'mine', '--set', 'fetch.a=1')
    const pushed = await said(cli, 'push', 'mine', ref)
    expect(pushed).toMatch(
      /^Pushed profile to 127\.0\.0\.1:\d+\/team\/dev:one@sha256:[0-9a-f]{64}\n$/,
    )
    expect(await said(other, 'pull', ref)).toBe(`Profile ${ref} pulled as team_dev\n`)
    expect(parse(await profileFile(other, 'team_dev'))).toMatchObject({
      id: 'team_dev',
      name: 'Team Dev',
      servers: [{image: 'mcp/fetch', config: {a: 1}, snapshot: {server: {name: 'fetch'}}}],
    })
    const before = await profileFile(other, 'team_dev')
    expect(await said(other, 'pull', ref)).toContain('there is a profile "team_dev" already')
    expect(await profileFile(other, 'team_dev')).toBe(before)
    expect(await said(other, 'pull', `${registry.host}/team/none`)).toContain('team/none')
  })

  test('two writers at once lose nothing of each other', async () => {
    await using cli = await dockerCli()
    await cli.mcp('profile', 'create', '--name', 'dev')
    const names = ['fetch', 'time', 'git', 'memory']
    await Promise.all(
      names.map(name => cli.mcp('profile', 'server', 'add', 'dev', '--server', name)),
    )
    const {servers}: {servers: {name: string}[]} = parse(await profileFile(cli, 'dev'))
    expect(servers.map(({name}) => name).toSorted()).toEqual(names.toSorted())
  })

  test.each([
    ['servers:\n  - name: fetch\n  - name: fetch\n', /dev\.yaml:3:5: “servers\.1” is a second/],
    ['servers:\n  - name: a\n    name: b\n', /dev\.yaml:3:5: Map keys must be unique/],
    ['servers:\n\t- name: a\n', /dev\.yaml:2:1: Tabs/],
    [
      'servers:\n  - name: a\n    tools: all\n',
      /dev\.yaml:3:5: “servers\.0\.tools” must be a list/,
    ],
    [
      `servers:\n  - name: a\n    config:\n      key: ${TOKEN}\n`,
      /dev\.yaml:4:7: “servers\.0\.config\.key” looks like a credential/,
    ],
  ])('refuses %j with the place, and keeps it as it is', async (text, message) => {
    await using cli = await dockerCli()
    const file = await cli.write('profiles/dev.yaml', text)
    for (const words of [
      ['profile', 'server', 'add', 'dev', '--server', 'time'],
      ['gateway', 'run', '--dry-run', '--profile', 'dev'],
    ]) {
      const {code, stderr} = await cli.run(['mcp', ...words])
      expect(code).toBe(1)
      expect(stderr).toMatch(message)
      expect(stderr).not.toContain(TOKEN)
    }
    expect(await readFile(file, 'utf8')).toBe(text)
  })

  test('refuses what would make it wrong, and ids that lead elsewhere', async () => {
    await using cli = await dockerCli()
    await cli.mcp('profile', 'create', '--name', 'dev', '--server', 'fetch')
    const before = await profileFile(cli, 'dev')
    const leaking = await said(cli, 'config', 'dev', '--set', `fetch.key=${TOKEN}`)
    expect(leaking).toContain('looks like a credential')
    expect(leaking).not.toContain(TOKEN)
    expect(await profileFile(cli, 'dev')).toBe(before)
    for (const id of ['../up', 'a/b', '.', '..', '', 'con', 'NUL.x']) {
      expect(await said(cli, 'create', '--name', 'x', '--id', id)).toContain('cannot be the id')
    }
    for (const id of ['../up', 'a/b', '.', '..', '']) {
      expect(await said(cli, 'rm', id)).toContain('cannot be the id')
    }
    // No new one is called like a device of Windows; one that is there can be used, and goes.
    await cli.write('profiles/aux.yaml', 'version: 1\nid: aux\nname: aux\nservers: []\n')
    expect(await said(cli, 'ls')).toContain('aux')
    await cli.mcp('profile', 'rm', 'aux')
    expect(await said(cli, 'ls')).not.toContain('aux')
    const two = ['--profile', 'dev', '--registry', 'registry.yaml']
    const {stderr} = await cli.run(['mcp', 'gateway', 'run', '--dry-run', ...two])
    expect(stderr).toContain('exclude each other')
  })
})

describe('a profile file of a project', () => {
  test('is served with nothing else configured, and only as it says', async () => {
    await using cli = await dockerCli()
    const file = await committed(cli)
    await using used = await connectStdio(cli, ['--profile-file', file])
    await expect.poll(() => used.toolNames()).toEqual(['read_graph', 'echo'])
    expect(await used.text('read_graph', {})).toContain('"entities"')
    expect(used.stderr()).toContain(
      `${file}:5:5: “servers.0.colour” is not a key of a profile: it means nothing here`,
    )
  })

  test('counts for tools, and can be edited', async () => {
    await using cli = await dockerCli()
    const file = await committed(cli)
    expect(await cli.mcp('tools', 'count', '--profile-file', file)).toBe('2 tools\n')
    expect(await cli.mcp('tools', 'count', `--gateway-arg=--profile-file=${file}`)).toBe(
      '2 tools\n',
    )
    await cli.mcp('server', 'disable', 'notes', '--profile-file', file)
    expect(await readFile(file, 'utf8')).toBe(
      '# of this project\nname: Project\nservers:\n  - name: everything\n    tools: [echo]\n',
    )
  })
})

describe('template', () => {
  test('ls and use begin profiles', async () => {
    await using cli = await dockerCli()
    expect(await cli.mcp('template', 'ls')).toMatchInlineSnapshot(`
      "ID                 TITLE                  SERVERS                         DESCRIPTION
      ai-coding          AI coding              context7, sequentialthinking    Documentation of libraries as they are now, and thinking in steps.
      dev-workflow       Development workflow   github-official, atlassian      From an issue to its pull request: GitHub and Atlassian.
      terminal-control   Terminal control       desktop-commander, filesystem   Commands and files of this machine.
      "
    `)
    const templates: {id: string}[] = JSON.parse(
      await cli.mcp('template', 'list', '--format', 'json'),
    )
    for (const {id} of templates) {
      expect(await cli.mcp('template', 'use', id, '--name', id)).toMatch(
        /^Created profile \w+ with 2 servers\n$/,
      )
    }
    expect(await said(cli, 'create', '--from-template', 'none')).toContain(
      'choose one of ai-coding',
    )
  })
})

test('what docker keeps in its database is there at the first command, which says so', async () => {
  await using cli = await dockerCli()
  const file = await cli.write('mcp-toolkit.db', '')
  const database = new DatabaseSync(file)
  database.exec(`
    CREATE TABLE schema_migrations (version uint64, dirty bool);
    INSERT INTO schema_migrations VALUES (6, 0);
    CREATE TABLE working_set (id TEXT PRIMARY KEY, name TEXT, servers TEXT, secrets TEXT);
    INSERT INTO working_set VALUES ('dev', 'Dev', '[{"type":"image","image":"mcp/git","tools":null}]', '{}');
  `)
  database.close()
  expect(await said(cli, 'ls')).toBe(
    `ID\tName\tIn use\ndefault\tDefault Profile\tyes\ndev\tDev\t-\n> what docker's own plugin keeps in ${file} is taken over, this once:\n> profile dev, 1 server\n`,
  )
  expect(await said(cli, 'show', 'dev')).toContain('image: mcp/git')
  expect(await cli.mcp('server', 'ls', '--profile', 'dev')).toMatch(/^git /m)
})
