import {execFile, spawn} from 'node:child_process'
import {createServer} from 'node:http'
import {once} from 'node:events'
import {chmod, mkdir, readdir, readFile, rm, writeFile} from 'node:fs/promises'
import type {AddressInfo} from 'node:net'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {expect, onTestFinished, test} from 'vitest'
import {stringify} from 'yaml'

import {uniqueName} from '../support/cli-catalog.ts'
import {connectStdio} from '../support/cli-client.ts'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {fixtureImage} from '../support/fixture-images.ts'
import {
  isText,
  needlesOfPlanted,
  plantedSecrets,
  type PlantedSecret,
} from '../support/planted-secrets.ts'

const run = promisify(execFile)
const BIG = {maxBuffer: 256 * 1024 * 1024}

/** Everything that came out, by where. */
type Findings = Map<string, string>

const nameOf = (at: number) => `leak.k${String(at).padStart(2, '0')}`
const variableOf = (at: number) => `LEAK_K${String(at).padStart(2, '0')}`

/** Which shape is told where. */
function leaksIn(secrets: readonly PlantedSecret[], came: Findings): readonly string[] {
  return secrets.flatMap(secret => {
    const needles = needlesOfPlanted(secret)
    return [...came].flatMap(([where, text]) => {
      const needle = needles.find(one => text.includes(one))
      if (needle === undefined) return []
      const at = text.indexOf(needle)
      return [`${secret.shape} in ${where}: …${text.slice(Math.max(0, at - 60), at + 40)}…`]
    })
  })
}

/** A remote server that refuses everybody and shows what he sent, in a page and in headers. */
async function echo(): Promise<string> {
  const server = createServer((request, response) => {
    const sent = JSON.stringify(request.headers)
    response.writeHead(request.url?.includes('json') ? 500 : 401, {'content-type': 'text/html'})
    response.end(`<p>${sent.replaceAll('<', '&lt;')}</p>${JSON.stringify(request.rawHeaders)}`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const {port} = server.address() as AddressInfo
  return `http://127.0.0.1:${port}`
}

/** Keeps what is on the command lines of this machine while something runs. */
function watchProcesses(): {stop(): Promise<string>} {
  const child = spawn('sh', ['-c', 'while :; do ps -eww -o args; sleep 0.2; done'])
  let seen = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (seen += text))
  onTestFinished(() => void child.kill())
  return {
    async stop() {
      child.kill()
      await once(child, 'close')
      return seen
    },
  }
}

async function filesUnder(folder: string, except: readonly string[]): Promise<Findings> {
  const all = await readdir(folder, {recursive: true, withFileTypes: true})
  const files = all.filter(one => one.isFile()).map(one => join(one.parentPath, one.name))
  const kept = files.filter(file => !except.some(one => file.startsWith(one)))
  return new Map(await Promise.all(kept.map(async file => [file, await textOf(file)] as const)))
}

/** Empty when it is gone by now: what has ended a moment ago may still clear its files away. */
async function textOf(file: string): Promise<string> {
  return readFile(file, 'latin1').catch(() => '')
}

/** Puts the secrets into all the stores that a machine without a keyring has; the first ones into the encrypted file. */
async function plant(cli: DockerCli, secrets: readonly PlantedSecret[]) {
  const folder = join(cli.home, 'stores', 'folder')
  await mkdir(folder, {recursive: true})
  const env: Record<string, string> = {}
  const said: Findings = new Map()
  for (const [at, secret] of secrets.entries()) {
    const {value, shape} = secret
    const name = nameOf(at)
    if (at % 4 === 1 || !isText(secret)) {
      // A line break behind a single line is the editor's.
      await writeFile(join(folder, name), value)
    } else if (at % 4 === 2)
      env[`DOCKER_MCP_SECRET_${name.toUpperCase().replace('.', '_')}`] = value.toString()
    else {
      const {code, stdout, stderr} = await cli.run(['--debug', 'mcp', 'secret', 'set', name], {
        stdin: value.toString(),
      })
      if (code !== 0) throw new Error(`${shape}: ${stderr}`)
      said.set(`secret set ${name}`, stdout + stderr)
    }
  }
  return {env, folder, said}
}

test('the search finds what is planted, in every way of writing it', () => {
  for (const secret of plantedSecrets()) {
    const {value, shape} = secret
    const text = value.toString()
    const ways = [value.toString('base64'), value.toString('hex')]
    const legible = secret.cores.length > 0 ? [`x${text}y`, JSON.stringify({text})] : []
    for (const way of [...(value.length < 10 ? [] : ways), ...legible]) {
      expect(leaksIn([secret], new Map([['here', way]])), `${shape}: ${way}`).toHaveLength(1)
    }
  }
})

test('fifty secrets of all shapes are told by nothing that a whole session says or leaves behind', {
  timeout: 600_000,
}, async () => {
  await using cli = await dockerCli()
  const secrets = plantedSecrets()
  expect(secrets).toHaveLength(50)
  const {env, folder, said} = await plant(cli, secrets)
  const came: Findings = new Map(said)
  const server = uniqueName('leaky')
  const far = uniqueName('far')
  const url = await echo()
  const image = await fixtureImage('leaks-secrets')
  const declared = secrets.map((secret, at) => ({
    name: nameOf(at),
    env: variableOf(at),
    ...(!isText(secret) && {file: true}),
  }))
  const headers = secrets.flatMap((secret, at) =>
    isText(secret) &&
    /^[\x20-\x7e]+$/.test(secret.value.toString()) &&
    secret.value.toString().trim() === secret.value.toString() &&
    secret.value.length < 200
      ? [[`X-${variableOf(at).replace('_', '-')}`, at] as const]
      : [],
  )
  const registry = {
    [server]: {
      title: 'Leaky',
      description: 'A test.',
      type: 'server',
      image,
      disableNetwork: true,
      secrets: declared,
    },
    [far]: {
      title: 'Far',
      description: 'A test.',
      type: 'remote',
      remote: {
        url: `${url}/mcp`,
        transport_type: 'http',
        headers: Object.fromEntries(headers.map(([name, at]) => [name, `\${${variableOf(at)}}`])),
      },
      secrets: headers.map(([, at]) => ({name: nameOf(at), env: variableOf(at)})),
    },
  }
  await cli.write('catalogs/test.yaml', stringify({version: 3, name: 'test', registry}))
  await cli.write('catalog.json', JSON.stringify({catalogs: {test: {displayName: 'Test'}}}))
  const stores = `docker-desktop:${folder}`
  const open = {...env, DOCKER_MCP_SECRETS: stores, DOCKER_MCP_BLOCK_SECRETS: 'false'}
  const all = {env: {...open, DOCKER_MCP_MASK_SECRETS: 'true'}}
  const say = async (args: readonly string[], options = {}) => {
    const {stdout, stderr} = await cli.run(args, {...all, ...options})
    const label = `docker ${args.join(' ')}`
    came.set(`${label} #${came.size}`, stdout + stderr)
    return stdout + stderr
  }
  const processes = watchProcesses()
  const since = String(Math.floor(Date.now() / 1000))
  await say(['mcp', 'server', 'enable', server, far])

  for (const line of [
    'secret ls',
    'secret ls --format json',
    'server ls',
    'server ls --format json',
    `server inspect ${server}`,
    'catalog show test',
    'config read',
    'profile show default',
    'profile export default',
    'tools ls',
    'tools ls --verbose',
    'server status',
    'secret rm leak.none',
    'secret set',
    'secret set nope --bad',
    'config get x',
    'gateway run --nonsense',
    '__complete secret rm leak',
    '__complete secret set ',
    'gateway ps',
    'secret audit',
    'secret audit --format json',
  ])
    await say(['mcp', ...line.split(' ')])
  await say(['--debug', 'mcp', 'tools', 'ls'])

  // What servers list is theirs, unless it is to be masked: the search finds it there.
  const listed = await cli.run(['mcp', 'tools', 'ls'], {env: open})
  expect(leaksIn(secrets, new Map([['tools ls', listed.stdout]])).length).toBeGreaterThan(0)

  // What is typed: it is on the command line, as long as the command runs, and in nothing that the command says.
  const typed = plantedSecrets()[0]
  const value = typed?.value.toString() ?? ''
  const wrong: Findings = new Map()
  for (const args of [
    [`leak.typed=${value}`, '--bad'],
    [`leak typed=${value}`],
    ['leak.typed', value],
    [`=${value}`],
    [`leak.typed=${value}`, '--store', 'none'],
    [`leak.typed=${value}`, '--store', value],
    [`--${value}`],
    [`-${value}`],
    ['leak.typed', `-----BEGIN KEY-----\n${value}\n-----END KEY-----`],
    ['leak.typed', '--', `-----BEGIN KEY-----\n${value}\n-----END KEY-----`],
  ]) {
    const {stdout, stderr, code} = await cli.run(['--debug', 'mcp', 'secret', 'set', ...args])
    expect(code).not.toBe(0)
    wrong.set(`secret set ${args.join(' ').replaceAll(value, 'VALUE')}`, stdout + stderr)
  }
  for (const args of [
    [`leak.typed=${value}`],
    ['rm', `leak.typed=${value}`],
    ['export', `leak.typed=${value}`],
  ]) {
    const {stdout, stderr, code} = await cli.run(['--debug', 'mcp', 'secret', ...args])
    expect(code).not.toBe(0)
    wrong.set(`secret ${args.join(' ').replaceAll(value, 'VALUE')}`, stdout + stderr)
  }
  expect(typed ? leaksIn([typed], wrong) : ['none']).toEqual([])

  // A gateway with everything on that talks.
  const flags = [
    '--mask-secrets',
    '--verbose',
    '--log-calls',
    '--log-level=debug',
    '--debug-dns',
    '--block-secrets=false',
    `--secrets=${stores}`,
  ]
  {
    await using used = await connectStdio({...cli, env: {...cli.env, ...env}}, flags)
    const got: unknown[] = [used.client.getInstructions(), used.client.getServerVersion()]
    used.client.fallbackNotificationHandler = async message => void got.push(message)
    // What a server lists holds secrets, so that nothing of it is remembered: a list may have to do without it at first.
    await expect.poll(async () => (await used.client.listTools()).tools).not.toEqual([])
    got.push(await used.client.listTools())
    for (const tool of ['tell', 'log', 'fail']) {
      got.push(
        await used.client
          .callTool({name: tool, arguments: {}})
          .catch((error: unknown) => String(error)),
      )
    }
    expect(JSON.stringify(got)).toContain('[secret]')
    for (const line of [
      'gateway ps',
      'gateway ps --format json',
      `server logs ${server}`,
      `server restart ${server}`,
      'server status',
      'gateway status',
    ])
      await say(['mcp', ...line.split(' ')])
    got.push(
      await used.client
        .callTool({name: 'tell', arguments: {}})
        .catch((error: unknown) => String(error)),
    )
    let ids: readonly string[] = []
    // The one before the restart may be on its way out.
    await expect
      .poll(async () => (ids = (await cli.containers()).map(({id}) => id)))
      .toHaveLength(1)
    came.set('docker inspect', (await run('docker', ['inspect', '--size', ...ids], BIG)).stdout)
    came.set(
      'docker top',
      (await run('docker', ['top', ids[0] ?? '', '-eo', 'pid,args'], BIG)).stdout,
    )
    came.set(
      'docker logs',
      await run('docker', ['logs', ids[0] ?? ''], BIG).then(
        ({stdout, stderr}) => stdout + stderr,
        String,
      ),
    )
    got.push(
      await used.client
        .callTool({name: 'crash', arguments: {}})
        .catch((error: unknown) => String(error)),
    )
    // What a client is told while the gateway reads everything anew.
    await cli.write('config.yaml', 'nothing: {here: 1}\n')
    await cli.write('registry.yaml', stringify({registry: {[server]: {ref: ''}}}))
    await expect.poll(() => used.stderr()).toMatch(/reload/i)
    came.set('what clients are told', JSON.stringify(got))
    came.set('what the gateway says', used.stderr())
    expect(used.stderr()).toContain('starting with')
    expect(used.stderr()).toContain('[secret]')
  }

  // A gateway that falls over, and one that is asked for a report.
  const reports = join(cli.home, 'reports')
  await mkdir(reports)
  const bomb = join(cli.home, 'bomb.cjs')
  await writeFile(
    bomb,
    `process.on('SIGWINCH', () => { const e = new Error('boom ' + JSON.stringify(process.env)); e.env = process.env; throw e })`,
  )
  const options = `--require=${bomb} --report-uncaught-exception --report-on-signal --report-directory=${reports}`
  const doomed = cli.start(
    ['mcp', 'gateway', 'run', ...flags.filter(one => one !== '--debug-dns')],
    {
      env: {...env, NODE_OPTIONS: options},
    },
  )
  await doomed.said(/Initialized in/)
  const pid = await doomed.pluginPid()
  process.kill(pid, 'SIGUSR2')
  // Two, when a library has heard the signal and sent it once more.
  await expect.poll(() => readdir(reports)).not.toEqual([])
  await expect
    .poll(
      async () =>
        JSON.parse(await readFile(join(reports, (await readdir(reports))[0] ?? ''), 'utf8')),
      {timeout: 60_000},
    )
    .toHaveProperty('header')
  process.kill(pid, 'SIGWINCH')
  const end = await doomed.ended()
  expect(end.code).not.toBe(0)
  expect(end.stderr).toContain('boom')
  expect(end.stderr).toContain('[secret]')
  came.set('last words', end.stdout + end.stderr)

  // An export is a read, too.
  const exported = join(cli.home, 'stores', 'exported.env')
  await say(['mcp', 'secret', 'export', '--to-env-file', exported, nameOf(0)])
  await say(['mcp', 'secret', 'audit', '--server', server])
  await say(['mcp', 'secret', 'rm', nameOf(0)])
  came.set('docker history', (await run('docker', ['history', '--no-trunc', image], BIG)).stdout)
  const volumes = (
    await run('docker', ['volume', 'ls', '-q', '--filter', 'label=docker-mcp'])
  ).stdout
    .split('\n')
    .filter(Boolean)
  if (volumes.length > 0)
    came.set(
      'docker volume inspect',
      await run('docker', ['volume', 'inspect', ...volumes], BIG).then(
        ({stdout}) => stdout,
        String,
      ),
    )
  came.set(
    'docker network inspect',
    (await run('sh', ['-c', 'docker network inspect $(docker network ls -q) 2>&1 || true'], BIG))
      .stdout,
  )
  came.set(
    'docker events',
    (
      await run(
        'docker',
        [
          'events',
          '--since',
          since,
          '--until',
          String(Math.floor(Date.now() / 1000)),
          '--format',
          '{{json .}}',
        ],
        BIG,
      )
    ).stdout,
  )
  came.set('ps', await processes.stop())
  // The encrypted file is a file like any other here.
  for (const [file, text] of await filesUnder(cli.home, [join(cli.home, 'stores')]))
    came.set(file, text)
  const audit = await readFile(join(cli.mcpDir, 'audit.jsonl'), 'utf8')
  expect(audit).toContain(`"server":"${server}"`)
  expect(leaksIn(secrets, came)).toEqual([])
  expect([...came.keys()].length).toBeGreaterThan(50)
  await chmod(folder, 0o700)
  await rm(folder, {recursive: true})
})
