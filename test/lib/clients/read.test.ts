import {chmod, mkdir, mkdtemp, rm, symlink, truncate, writeFile} from 'node:fs/promises'
import {execFileSync} from 'node:child_process'
import {tmpdir} from 'node:os'
import {join} from 'node:path'

import * as fc from 'fast-check'
import {describe, expect, onTestFinished, test} from 'vitest'

import type {JsonObject} from '../../../src/lib/base/json.ts'
import type {Client} from '../../../src/lib/clients/client.ts'
import {fileFormat} from '../../../src/lib/clients/formats.ts'
import {listOfProject, listOfUser, type ListedClient} from '../../../src/lib/clients/list.ts'
import {listing} from '../../../src/lib/clients/listing.ts'
import {isThere} from '../../../src/lib/clients/this-machine.ts'
import {profileIn, serverEntries} from '../../../src/lib/clients/server-entries.ts'
import {CLIENTS, findClient} from '../../../src/lib/clients/table.ts'

function client(id: string): Client {
  const found = findClient(id)
  if (!found) throw new Error(id)
  return found
}

async function home(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'clients-'))
  onTestFinished(() => rm(dir, {recursive: true, force: true}))
  return dir
}

/** All clients, of a Linux where nothing but what is below this folder is known. */
async function listed(dir: string): Promise<ReadonlyMap<string, ListedClient>> {
  const machine = {platform: 'linux', env: {}, home: dir, exists: isThere} as const
  return new Map((await listOfUser(CLIENTS, machine)).map(one => [one.client.id, one]))
}

/** Writes Cursor's file and reads it. */
async function cursorWith(bytes: string | Buffer): Promise<ListedClient | undefined> {
  const dir = await home()
  await mkdir(join(dir, '.cursor'))
  await writeFile(join(dir, '.cursor', 'mcp.json'), bytes)
  const all = await listed(dir)
  return all.get('cursor')
}

/** What the listing has of a server of Cursor’s. */
async function shown(entry: object): Promise<string> {
  const cursor = await cursorWith(JSON.stringify({mcpServers: {x: entry}}))
  return JSON.stringify((await listing(cursor ? [cursor] : [], 'global'))['cursor']?.['Cfg'])
}

const OWN = {command: 'docker', args: ['mcp', 'gateway', 'run', '--profile', 'dev']}

describe('a client’s file', () => {
  test('that is not there is no error', async () => {
    const all = await listed(await home())
    expect([...all.values()].filter(({error, servers}) => error ?? servers)).toEqual([])
  })

  test.each([
    ['empty', '', false],
    ['blank', ' \n', false],
    ['an empty map', '{}', false],
    ['of null', '{"mcpServers": null}', false],
    ['of others', '{"mcpServers": {"a": {"command": "npx"}}}', false],
    ['with us', JSON.stringify({mcpServers: {MCP_DOCKER: OWN}}), true],
    ['with a byte order mark', `\uFEFF${JSON.stringify({mcpServers: {MCP_DOCKER: OWN}})}`, true],
    ['with comments', `// c\r\n{"mcpServers": {"MCP_DOCKER": ${JSON.stringify(OWN)},},}`, true],
    ['with our address', '{"mcpServers": {"MCP_DOCKER": {"url": "http://127.0.0.1:1/mcp"}}}', true],
    ['with nothing in our entry', '{"mcpServers": {"MCP_DOCKER": {}}}', false],
    ['with a text for an entry', '{"mcpServers": {"MCP_DOCKER": "x"}}', false],
    ['with our name in another place', '{"servers": {"MCP_DOCKER": {"command": "x"}}}', false],
  ])('%s is read', async (_case, text, isConnected) => {
    const {servers, error} = (await cursorWith(text)) ?? {}
    expect(error).toBeUndefined()
    expect(servers?.own !== undefined).toBe(isConnected)
  })

  test.each([
    ['broken', '{"mcpServers": {\n  "a": ]', /mcp\.json:2:8: /],
    ['a list', '[]', /mcp\.json:1:1: /],
    ['with a list in the place of the map', '{"mcpServers": []}', /mcpServers is not a map/],
    ['binary', Buffer.from([1, 0, 2]), /mcp\.json: it is not text in UTF-8/],
    ['in Latin-1', Buffer.from([0x22, 0xe9, 0x22]), /mcp\.json: it is not text in UTF-8/],
    ['in UTF-16', Buffer.from('\uFEFF{}', 'utf16le'), /mcp\.json: it is not text in UTF-8/],
  ])('%s says so', async (_case, bytes, reason) => {
    const {servers, error, isInstalled} = (await cursorWith(bytes)) ?? {}
    expect(error).toEqual({type: 'unknown', error: expect.stringMatching(reason)})
    expect(servers).toBeUndefined()
    expect(isInstalled).toBe(true)
  })

  test('that is broken hides no other', async () => {
    const dir = await home()
    const put = async (path: string, make: (file: string) => Promise<unknown>) => {
      const file = join(dir, path)
      await mkdir(join(file, '..'), {recursive: true})
      await make(file)
    }
    await put('.cursor/mcp.json', file =>
      writeFile(file, JSON.stringify({mcpServers: {MCP_DOCKER: OWN}})),
    )
    await put('.gemini/settings.json', file => writeFile(file, '{'))
    await put('.config/goose/config.yaml', file => mkdir(file))
    await put('.codex/config.toml', file => symlink(file, file))
    await put('.continue/config.yaml', file => writeFile(file, 'a: [\n'))
    await put('.kiro/settings/mcp.json', async file => {
      await writeFile(file, '')
      await truncate(file, 65 * 1024 * 1024)
    })
    await put('.warp/.mcp.json', async file => execFileSync('mkfifo', [file]))
    await put('.qwen/settings.json', file => symlink(join(dir, 'nowhere'), file))
    await put('.factory/mcp.json', file => writeFile(file, '{"mcpServers": 1}'))
    const all = await listed(dir)
    const problems = [...all].flatMap(([id, {error, isInstalled}]) =>
      error ? [`${id} ${isInstalled} ${error.type} ${error.error.replaceAll(dir, '~')}`] : [],
    )
    expect(all.get('cursor')?.servers?.profile).toBe('dev')
    expect(all.get('qwen-code')).toMatchObject({isInstalled: true})
    expect(`${problems.join('\n')}\n`).toMatchInlineSnapshot(`
      "codex true permission cannot read ~/.codex/config.toml: its symbolic links go in a circle
      continue true unknown ~/.continue/config.yaml:2:1: Flow sequence in block collection must be sufficiently indented and end with a ]
      factory true unknown ~/.factory/mcp.json: mcpServers is not a map
      gemini true unknown ~/.gemini/settings.json:1:2: this is not JSON (close brace expected)
      goose true unknown ~/.config/goose/config.yaml: a folder stands in its place
      kiro true unknown ~/.kiro/settings/mcp.json: it is too large for a file of settings
      warp true unknown ~/.warp/.mcp.json: it is not a regular file
      "
    `)
  })

  test.skipIf(process.getuid?.() === 0)('that may not be read says so', async () => {
    const dir = await home()
    await mkdir(join(dir, '.cursor'))
    await writeFile(join(dir, '.cursor', 'mcp.json'), '{}')
    await chmod(join(dir, '.cursor', 'mcp.json'), 0)
    const all = await listed(dir)
    expect(all.get('cursor')?.error).toEqual({
      type: 'permission',
      error: expect.stringContaining('permission denied'),
    })
  })

  test('of a project is known by its place', async () => {
    const dir = await home()
    await mkdir(join(dir, '.vscode'))
    await writeFile(join(dir, '.mcp.json'), JSON.stringify({mcpServers: {MCP_DOCKER: OWN}}))
    const machine = {platform: 'linux', env: {}, home: join(dir, 'home'), exists: isThere} as const
    const all = await listOfProject(CLIENTS, dir, machine)
    const state = (id: string) => {
      const one = all.find(({client: {id: other}}) => other === id)
      return [one?.isConfigured, one?.servers?.own !== undefined]
    }
    expect(['claude-code', 'vscode', 'crush', 'cursor'].map(state)).toEqual([
      [true, true],
      [true, false],
      [true, false],
      [false, false],
    ])
    expect(all.map(({client: {id}}) => id)).not.toContain('lmstudio')
  })
})

describe('an entry of ours', () => {
  const files = CLIENTS.flatMap(({id, user, project}) =>
    [user, project].flatMap(file => (file ? [[id, file] as const] : [])),
  )

  test.each(files)('of %s is read back as it was written, by its own format', async (_id, file) => {
    const format = await fileFormat(file.format)
    const change = (value: JsonObject) => ({
      container: file.container,
      key: file.key,
      value,
      list: file.list,
    })
    const launch = {...OWN, env: {A: 'b'}}
    const text = format.edit('', change(file.entry(launch)), 'f')
    expect(serverEntries(format.read(text, 'f'), file, 'f')).toEqual([
      {name: file.key, type: 'stdio', ...launch, url: '', headers: {}, isOff: false},
    ])
    const {urlEntry} = file
    if (!urlEntry) return
    const url = 'http://127.0.0.1:8811/mcp'
    const other = format.edit('', change(urlEntry({url, token: 't'})), 'f')
    expect(serverEntries(format.read(other, 'f'), file, 'f')).toEqual([
      {
        name: file.key,
        type: 'http',
        command: '',
        args: [],
        env: {},
        url,
        headers: {Authorization: 'Bearer t'},
        isOff: false,
      },
    ])
  })

  test.each([
    [[], ''],
    [['--profile', 'dev'], 'dev'],
    [['--profile=dev'], 'dev'],
    [['-p', 'dev'], 'dev'],
    [['-p=dev'], 'dev'],
    [['--profile'], ''],
    [['--profile', 'a', '--profile', 'b'], 'a'],
    [['--profiles', 'dev'], ''],
  ])('with the arguments %j names the profile "%s"', (args, profile) => {
    expect(profileIn(args)).toBe(profile)
  })
})

describe('a server of others', () => {
  const container = {container: ['s']} as const

  test.each([
    ['a word for its kind', {type: 'sse', url: 'u'}, 'sse'],
    ['another word', {type: 'streamable-http', url: 'u'}, 'http'],
    ['a word in its own letters', {type: 'streamableHttp', url: 'u'}, 'http'],
    ['no word', {url: 'u'}, 'http'],
    ['a kind that is not of MCP', {type: 'builtin', name: 'developer'}, undefined],
    ['a kind nobody knows', {type: 'carrier-pigeon', command: 'x'}, undefined],
    ['what comes with the client', {type: 'stdio', cmd: 'x', bundled: true}, undefined],
    ['a command without words', {command: []}, undefined],
    ['numbers for arguments', {command: 'x', args: [1]}, 'stdio'],
    ['no map', 'x', undefined],
  ])('with %s', (_case, entry, type) => {
    const [found] = serverEntries({s: {a: entry}}, container, 'f')
    expect(found?.type).toBe(type)
  })

  test('that is switched off is known', () => {
    const entries = {
      a: {command: 'x', disabled: true},
      b: {command: 'x', enabled: false},
      c: {command: 'x'},
    }
    expect(serverEntries({s: entries}, container, 'f').map(({isOff}) => isOff)).toEqual([
      true,
      true,
      false,
    ])
  })

  test('can be anything', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), entries => {
        const found = serverEntries({s: entries}, container, 'f')
        expect(found.every(({name}) => Object.hasOwn(entries, name))).toBe(true)
      }),
    )
  })
})

describe('the listing', () => {
  const url = 'https://ann:pw@h.example/mcp?key=q1'

  test('is docker’s', async () => {
    const cursor = await cursorWith(JSON.stringify({mcpServers: {MCP_DOCKER: OWN}}))
    const all = cursor ? [cursor] : []
    expect(await listing(all, 'global')).toEqual({
      cursor: {
        displayName: 'Cursor',
        source: 'https://www.cursor.com/',
        icon: client('cursor').icon,
        configName: 'cursor',
        dockerMCPCatalogConnected: true,
        profile: 'dev',
        error: null,
        Cfg: {STDIOServers: [{name: 'MCP_DOCKER', ...OWN}], SSEServers: [], HTTPServers: []},
        isInstalled: true,
        isOsSupported: true,
      },
    })
    const ofProject = (await listing(all, 'project'))['cursor'] ?? {}
    expect(Object.keys(ofProject).slice(-2)).toEqual(['Cfg', 'isConfigured'])
    expect(
      (
        await listing(
          [{client: client('cursor'), isInstalled: false, isSupported: true, isConfigured: false}],
          'global',
        )
      )['cursor'],
    ).toMatchObject({Cfg: null, error: null, profile: ''})
  })

  test.each([
    [{command: 'x', env: {A: 's3cret', B: 's3cret'}}, '"env":{"A":"…","B":"…"}'],
    [{url: 'http://h/mcp', headers: {Authorization: 's3cret'}}, '"headers":{"Authorization":"…"}'],
    [{command: 'x', args: ['-e', 'A=s3cret', '-e', 'NAME']}, '["-e","A=…","-e","NAME"]'],
    [{command: 'x', args: ['-eA=s3cret', '--env=A=s3cret']}, '["-eA=…","--env=A=…"]'],
    [{command: 'x', args: ['--api-key', 's3cret']}, '["--api-key","…"]'],
    [
      {command: 'x', args: ['--api-key=s3cret', 'GITHUB_TOKEN=s3cret']},
      '["--api-key=…","GITHUB_TOKEN=…"]',
    ],
    [{command: 'x', args: ['--header', 's3cret: s3cret']}, '["--header","…"]'],
    [{command: 'x', args: [url]}, '["https://…@h.example/mcp?…"]'],
    [{url}, '"url":"https://…@h.example/mcp?…"'],
    [{command: 'x', args: [`ghp_${'a1'.repeat(18)}`]}, '["…"]'],
    [{url: `https://h.example/ghp_${'a1'.repeat(18)}/mcp`}, '"url":"…"'],
    [{command: 'npx', args: ['-y', 'a-server', '/home/ann']}, '["-y","a-server","/home/ann"]'],
  ])('shows no secret of %j', async (entry, text) => {
    const all = await shown(entry)
    expect(all).toContain(text)
    expect(all).not.toMatch(/s3cret|ghp_|pw@|q1/)
  })
})
