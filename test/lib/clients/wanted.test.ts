import {describe, expect, test} from 'vitest'
import type {JsonObject} from '../../../src/lib/base/json.ts'
import type {Client, ClientFile} from '../../../src/lib/clients/client.ts'
import {entryIn} from '../../../src/lib/clients/change.ts'
import {fileFormat} from '../../../src/lib/clients/formats.ts'
import {dockerVariables, launchOf} from '../../../src/lib/clients/launch.ts'
import {remoteGateway} from '../../../src/lib/clients/remote.ts'
import {CLIENTS, findClient} from '../../../src/lib/clients/table.ts'
import {lossesOf} from '../../../src/lib/clients/losses.ts'
import {
  addressKept,
  changeIn,
  followDocker,
  wantedEntry,
  type Gateway,
} from '../../../src/lib/clients/wanted.ts'

const URL = 'http://127.0.0.1:8080/mcp'
const LAUNCH = launched('dev')

interface Wish {
  readonly background?: boolean
  readonly profile?: string
  readonly keepsKind?: boolean
}

function launched(profile?: string) {
  return {kind: 'launch' as const, launch: launchOf({}, {platform: 'linux', env: {}, profile})}
}

function entryOf(words: string): JsonObject {
  const [command = '', ...args] = words.split(' ')
  return {command, args}
}

function clientOf(id: string): Client {
  const client = findClient(id)
  if (!client) throw new Error(id)
  return client
}

function fileOf(id: string): ClientFile {
  const file = clientOf(id).user
  if (!file) throw new Error(id)
  return file
}

/** The file after an entry of ours was written into it, as `connect` does. */
async function after(file: ClientFile, gateway: Gateway, text: string): Promise<string> {
  const format = await fileFormat(file.format)
  const current = entryIn(format.read(text, 'f'), changeIn(file, undefined), 'f')
  return format.edit(text, changeIn(file, wantedEntry(file, gateway, current)), 'f')
}

/** A file with an entry of ours in which a person has changed things. */
async function withOwn(file: ClientFile, own: JsonObject): Promise<string> {
  const format = await fileFormat(file.format)
  return format.edit('', changeIn(file, {...wantedEntry(file, LAUNCH, undefined), ...own}), 'f')
}

/** The gateway with a token in a variable, or in the file for those that cannot name one. */
function remotes(client: Client, file: ClientFile): readonly Gateway[] {
  if (!file.urlEntry) return []
  const all = [{url: URL}, {url: URL, token: 'T'}, {url: `${URL}/2`, tokenEnv: 'MCP_TOKEN'}]
  return all.flatMap(input => {
    try {
      return [remoteGateway(client, file, input)]
    } catch {
      return []
    }
  })
}

const ROWS = CLIENTS.flatMap(client =>
  [client.user, client.project].flatMap(file => (file?.urlEntry ? [{client, file}] : [])),
)

describe.each(ROWS)('$client.id', ({client, file}) => {
  test('is started again as before, after an address and a token', async () => {
    const before = await after(file, LAUNCH, '')
    const remote = remotes(client, file)
    expect(remote.length).toBeGreaterThan(1)
    const format = await fileFormat(file.format)
    for (const order of [remote, remote.toReversed()]) {
      let text = before
      for (const gateway of order) {
        // oxlint-disable-next-line no-await-in-loop -- one is written after the other
        text = await after(file, gateway, text)
        expect(format.read(text, 'f')).toEqual(format.read(await after(file, gateway, ''), 'f'))
      }
      const back = await after(file, LAUNCH, text)
      expect(format.read(back, 'f')).toEqual(format.read(before, 'f'))
    }
  })
})

test.each(['httpUrl', 'serverUrl', 'uri', 'url'])(
  'nothing stays of an address that is called %s',
  async member => {
    const file = fileOf('windsurf')
    const current = {[member]: 'http://127.0.0.1:1/mcp', headers: {Authorization: 'Bearer old'}}
    const text = JSON.stringify({mcpServers: {MCP_DOCKER: {...current, disabled: true}}})
    const entryAfter = async (gateway: Gateway): Promise<unknown> =>
      JSON.parse(await after(file, gateway, text)).mcpServers.MCP_DOCKER
    const remote = remoteGateway(clientOf('windsurf'), file, {url: URL, token: 'new'})
    expect(await entryAfter(remote)).toEqual({
      url: URL,
      headers: {Authorization: 'Bearer new'},
      disabled: true,
    })
    expect(await entryAfter(LAUNCH)).toEqual({
      command: 'docker',
      args: ['mcp', 'gateway', 'run', '--profile', 'dev'],
      disabled: true,
    })
  },
)

test.each([
  ['goose', {timeout: 900, enabled: false, description: 'mine', env_keys: ['KEY'], envs: {A: 'b'}}],
  ['copilot-cli', {tools: ['search'], env: {A: 'b'}}],
  ['factory', {disabled: true}],
  ['zed', {enabled: false, settings: {a: 1}}],
  ['codex', {startup_timeout_sec: 90, cwd: '/x', env_vars: ['A']}],
])('what a person has set in the entry of %s stays', async (id, own) => {
  const file = fileOf(id)
  const text = await withOwn(file, own)
  expect(await after(file, LAUNCH, text)).toBe(text)
  expect(await after(file, launched(), text)).toBe(text)
  expect(await after(file, launched('web'), text)).toBe(text.replace('dev', 'web'))
})

test.each([
  ['mcp gateway run', undefined, 'mcp gateway run'],
  ['mcp gateway run', 'web', 'mcp gateway run --profile web'],
  ['mcp gateway run --profile dev', undefined, 'mcp gateway run --profile dev'],
  ['mcp gateway run --profile dev --log-calls', 'web', 'mcp gateway run --profile web --log-calls'],
  ['mcp gateway run --log-calls', 'web', 'mcp gateway run --log-calls --profile web'],
  ['mcp gateway run -p=dev -v', 'web', 'mcp gateway run -p=web -v'],
  ['mcp gateway run --profile', 'web', 'mcp gateway run --profile web'],
  ['mcp gateway run -- a', 'web', 'mcp gateway run --profile web -- a'],
  ['--context x mcp gateway run', 'web', '--context x mcp gateway run --profile web'],
  ['run -i --rm image', 'web', 'mcp gateway run --profile web'],
  ['', undefined, 'mcp gateway run'],
])('of %j, the profile %s makes %j', (had, profile, wanted) => {
  const args = had.split(' ').filter(Boolean)
  const own = wantedEntry(fileOf('cursor'), launched(profile), {command: '/opt/docker', args})
  expect(own).toEqual({command: 'docker', args: wanted.split(' ')})
})

test.each([
  ['run --profile dev --verbose', {background: true}, 'connect --profile dev'],
  ['run --verbose --profile=dev --servers a,b', {background: true}, 'connect --profile=dev'],
  [
    'run --name n -v --client c',
    {background: true, profile: 'web'},
    'connect --name n --client c --profile web',
  ],
  ['connect --profile dev --name n', {background: false}, 'run --profile dev --name n'],
  ['connect --profile dev', {background: false, profile: 'web'}, 'run --profile web'],
  ['connect --profile dev', {keepsKind: true}, 'connect --profile dev'],
  ['connect --profile dev', {keepsKind: true, profile: 'web'}, 'connect --profile web'],
  ['run --verbose', {keepsKind: true, profile: 'web'}, 'run --verbose --profile web'],
])('of %j, %j makes %j', (had, {keepsKind, ...wish}: Wish, wanted) => {
  const launch = launchOf({}, {platform: 'linux', env: {}, ...wish})
  const current = {command: 'docker', args: ['--context', 'x', 'mcp', 'gateway', ...had.split(' ')]}
  const own = wantedEntry(fileOf('cursor'), {kind: 'launch', launch, keepsKind}, current)
  expect(own['args']).toEqual(['--context', 'x', 'mcp', 'gateway', ...wanted.split(' ')])
})

test.each([
  [
    'docker mcp gateway run --verbose -p dev --servers=a',
    'docker mcp gateway connect -p dev',
    {flags: ['--verbose', '--servers']},
  ],
  [
    'wsl.exe --exec env DOCKER_HOST=tcp://h A=1 docker mcp gateway run',
    'docker mcp gateway run',
    {left: ['DOCKER_CONFIG', 'DOCKER_HOST', 'A'], was: 'wsl'},
  ],
  [
    'wsl.exe --exec env DOCKER_HOST=tcp://h docker mcp gateway run',
    'wsl.exe --exec env DOCKER_HOST=tcp://i docker mcp gateway run',
    {},
  ],
  ['/opt/docker mcp gateway run', 'docker mcp gateway run', {}],
])('%j that becomes %j loses %j', (had, has, losses) => {
  const left = ['DOCKER_CONFIG']
  expect(lossesOf({current: entryOf(had), wanted: entryOf(has)}, left)).toEqual({
    left,
    flags: [],
    others: [],
    was: undefined,
    ...losses,
  })
})

test('a variable that goes from the command line into the entry is not lost', () => {
  const current = {command: 'wsl.exe', args: ['env', 'A=1', 'docker', 'mcp', 'gateway', 'run']}
  const wanted = {command: 'docker', args: ['mcp', 'gateway', 'run'], env: {A: '2'}}
  expect(lossesOf({current, wanted}, [])).toEqual({left: [], flags: [], others: [], was: 'wsl'})
})

test.each([
  [
    {
      ...entryOf('wsl.exe --exec env A=1 docker mcp gateway run --profile dev -v'),
      env: {DOCKER_HOST: 's3cret', MINE: 's3cret'},
    },
    {others: ['A', 'DOCKER_HOST', 'MINE', '--profile', '-v']},
  ],
  [
    {url: URL, headers: {'X-Mine': 's3cret', authorization: 'Bearer old'}},
    {others: ['X-Mine'], left: []},
  ],
  [
    {url: 'http://h/mcp', headers: {'X-Mine': 's3cret'}},
    {others: ['X-Mine'], was: 'http://h/mcp'},
  ],
  [entryOf('npx x --flag'), {}],
])('of %j, an address leaves what is said', (current, losses) => {
  const file = fileOf('cursor')
  const gateway = remoteGateway(clientOf('cursor'), file, {url: URL, token: 'T'})
  const wanted = wantedEntry(file, gateway, current)
  expect(wanted).toEqual({url: URL, headers: {Authorization: 'Bearer T'}})
  const all = {left: [], flags: [], others: [], was: undefined, ...losses}
  expect(lossesOf({current, wanted}, [])).toEqual(all)
})

test('a token that goes is said, unless it goes with its address', () => {
  const current = {url: URL, headers: {Authorization: 'Bearer old', 'X-Mine': 'a'}}
  const lost = (wanted: JsonObject) => lossesOf({current, wanted}, [])
  expect(lost({url: URL}).others).toEqual(['Authorization', 'X-Mine'])
  expect(lost(entryOf('docker mcp gateway run'))).toMatchObject({others: ['X-Mine'], was: URL})
})

test('of what docker knows, only the five variables follow the shell', () => {
  const others = {DOCKER_TLS: '1', DOCKER_API_VERSION: '1.40'}
  const five = {
    DOCKER_CONFIG: '/d',
    DOCKER_HOST: 'tcp://h:1',
    DOCKER_CONTEXT: 'x',
    DOCKER_CERT_PATH: '/c',
    DOCKER_TLS_VERIFY: '1',
  }
  const env = {...five, ...others}
  expect(dockerVariables({env, config: '/d', home: '/h', cwd: '/'})).toEqual(five)
  const followed = followDocker(fileOf('cursor'), LAUNCH, {command: 'docker', env})
  expect(followed).toEqual({
    entry: {command: 'docker', env: others},
    left: Object.keys(five),
  })
})

test.each(ROWS)('an address that $client.id has stays until another kind is wanted', ({file}) => {
  const entry = file.urlEntry?.({url: URL, token: 'T'})
  const plain = {...launched(), keepsKind: true}
  expect(addressKept(plain, entry)).toBe(URL)
  expect(addressKept(launched(), entry)).toBeUndefined()
  expect(addressKept({...LAUNCH, keepsKind: true}, entry)).toBeUndefined()
  expect(addressKept(plain, wantedEntry(file, LAUNCH, undefined))).toBeUndefined()
})

test('a command of another program is written anew up to the gateway’s flags', () => {
  const args = ['--distribution', 'Old', '--exec', 'docker', 'mcp', 'gateway', 'run', '-v']
  const launch = launchOf({}, {platform: 'linux', env: {}, distribution: 'New'})
  const current = {command: 'wsl.exe', args}
  const file = fileOf('cursor')
  expect(wantedEntry(file, {kind: 'launch', launch}, current)['args']).toEqual(args.with(1, 'New'))
  expect(wantedEntry(file, launched(), current)).toEqual({
    command: 'docker',
    args: ['mcp', 'gateway', 'run', '-v'],
  })
})

test('comments among the arguments stay when a profile is added', async () => {
  const text = `{"mcpServers": {"MCP_DOCKER": {
  "command": "docker",
  "args": [
    "mcp", "gateway", "run", // ours
    /* mine */ "--log-calls" // why
  ]
}}}
`
  expect(await after(fileOf('cursor'), LAUNCH, text)).toBe(
    text.replace('"--log-calls" // why', '"--log-calls", "--profile", "dev" // why'),
  )
  const shared = launchOf({}, {platform: 'linux', env: {}, background: true})
  const joined =
    '[mcp_servers.MCP_DOCKER]\ncommand = "docker"\nargs = [\n  "mcp", "gateway",\n  "run", # a\n  # b\n  "-v" # c\n]\n'
  expect(await after(fileOf('codex'), {kind: 'launch', launch: shared}, joined)).toBe(
    joined.replace('"run",', '"connect"').replace('"-v" # c', '# c'),
  )
  const toml =
    '[mcp_servers.MCP_DOCKER]\ncommand = "docker"\nargs = [\n  "mcp", # a\n  "gateway",\n  "run", # b\n]\n'
  expect(await after(fileOf('codex'), LAUNCH, toml)).toBe(
    toml.replace('"run", # b\n', '"run", # b\n  "--profile",\n  "dev",\n'),
  )
})

test('comments among the arguments in YAML stay, and each with its argument', async () => {
  const goose = `extensions:
  mcpdocker: # ours
    cmd: docker
    args:
      # the command
      - mcp
      - gateway # a
      - run
      # why it is logged
      - --log-calls # b
      # which
      - --profile
      - "dev" # c
      # end
    type: stdio
`
  const web = await after(fileOf('goose'), launched('web'), goose)
  expect(web).toContain(goose.slice(0, goose.indexOf('    type')).replace('"dev"', '"web"'))
  const shared = launchOf({}, {platform: 'linux', env: {}, profile: 'dev', background: true})
  const joined = await after(fileOf('goose'), {kind: 'launch', launch: shared}, goose)
  expect(joined).toContain(
    '      - gateway # a\n      - connect\n      # why it is logged\n      # b\n      # which\n      - --profile\n      - "dev" # c\n      # end\n    type: stdio\n',
  )
  const continued =
    'mcpServers:\n- name: MCP_DOCKER\n  command: docker\n  args: [ # mine\n    mcp, gateway, # a\n    # b\n    run # c\n  ]\n'
  expect(await after(fileOf('continue'), LAUNCH, continued)).toBe(
    continued.replace('run # c\n', 'run, # c\n    --profile,\n    dev\n'),
  )
})
