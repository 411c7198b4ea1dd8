import {execFile} from 'node:child_process'
import {randomBytes, randomUUID} from 'node:crypto'
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {describe, expect, test} from 'vitest'
import * as z from 'zod'

import {addCatalog, sampleImage} from '../support/cli-catalog.ts'
import {connectProgram, connectStdio, type ConnectedClient} from '../support/cli-client.ts'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {gatewayImage} from '../support/special-images.ts'

const run = promisify(execFile)

const PEM = `-----BEGIN PRIVATE KEY-----\n${randomBytes(300).toString('base64').replaceAll(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`

/** A cli with one enabled server, `vault`, which shows its environment. */
async function withVault(): Promise<DockerCli> {
  const cli = await dockerCli()
  const secrets = [{name: 'vault.key', env: 'VAULT_KEY'}]
  await addCatalog(cli, {vault: {image: await sampleImage('everything'), secrets}})
  await cli.mcp('server', 'enable', 'vault')
  return cli
}

async function environment(used: ConnectedClient): Promise<Readonly<Record<string, unknown>>> {
  return z.record(z.string(), z.unknown()).parse(JSON.parse(await used.text('get-env', {})))
}

/** What a client gets; the values that are looked for here look like a credential to nobody else. */
const connect = (cli: DockerCli, ...flags: readonly string[]) =>
  connectStdio(cli, ['--block-secrets=false', '--verbose', ...flags])

/** What the engine and the system tell of the containers, and of what runs on this machine. */
async function told(cli: DockerCli): Promise<string> {
  const ids = (await cli.containers()).map(({id}) => id)
  expect(ids.length).toBeGreaterThan(0)
  const inspected = await run('docker', ['inspect', ...ids])
  const processes = await run('ps', ['-eww', '-o', 'args'])
  return inspected.stdout + processes.stdout
}

const encrypted = (cli: DockerCli) => join(cli.mcpDir, 'secrets.enc.json')

/** Every file of docker's folder that holds a text. */
async function filesWith(cli: DockerCli, text: string): Promise<readonly string[]> {
  const names = await readdir(cli.configDir, {recursive: true, withFileTypes: true})
  const files = names.filter(one => one.isFile()).map(one => join(one.parentPath, one.name))
  const contents = await Promise.all(files.map(file => readFile(file)))
  return files.filter((_file, at) => contents[at]?.includes(text))
}

describe('secret set, and then a call', () => {
  test('has the secret in the server, and nowhere else, on a machine without keyring', async () => {
    await using cli = await withVault()
    const value = `psst-${randomBytes(8).toString('hex')}`
    const set = await cli.run(['mcp', 'secret', 'set', 'vault.key'], {stdin: value})
    expect(set).toMatchObject({code: 0, stdout: ''})
    expect(set.stderr).toBe(
      'set vault.key in the encrypted file\nthe encrypted file is new, and opens with a key in secrets.key beside it; another one: docker mcp secret rekey\nused by vault\n',
    )
    await using used = await connect(cli)
    expect(await environment(used)).toMatchObject({VAULT_KEY: value})
    expect(await told(cli)).not.toContain(value)
    expect(used.stderr()).not.toContain(value)
    expect(await filesWith(cli, value)).toEqual([])
    const mode = (await stat(join(cli.mcpDir, 'secrets.enc.json'))).mode & 0o777
    expect(mode).toBe(0o600)
  })

  test('gives a value with line breaks byte for byte', async () => {
    await using cli = await withVault()
    const {stderr} = await cli.run(['mcp', 'secret', 'set', 'vault.key'], {stdin: PEM})
    expect(stderr).not.toContain('line break')
    await using used = await connect(cli)
    expect(await environment(used)).toMatchObject({VAULT_KEY: PEM})
  })

  test('takes docker’s KEY=value, with anything in the value', async () => {
    await using cli = await withVault()
    const value = ' a=b "c" $d \\ #e '
    await cli.mcp('secret', 'set', `vault.key=${value}`)
    await using used = await connect(cli)
    expect(await environment(used)).toMatchObject({VAULT_KEY: value})
  })

  test('restarts the server of a client that is connected, with the new value', async () => {
    await using cli = await withVault()
    await cli.mcp('secret', 'set', 'vault.key=one')
    await using used = await connect(cli)
    expect(await environment(used)).toMatchObject({VAULT_KEY: 'one'})
    await cli.mcp('secret', 'set', 'vault.key=two')
    await expect
      .poll(() => environment(used), {timeout: 60_000, interval: 200})
      .toMatchObject({VAULT_KEY: 'two'})
  })
})

describe('--secrets', () => {
  test('docker-desktop:./.env takes from the file what no store has', async () => {
    await using cli = await withVault()
    await writeFile(join(cli.home, '.env'), 'vault.key=of-the-file\n')
    const inHome = {cwd: cli.home}
    const spec = ['--secrets', `docker-desktop:${join(cli.home, '.env')}`]
    {
      await using used = await connect(cli, ...spec)
      expect(await environment(used)).toMatchObject({VAULT_KEY: 'of-the-file'})
    }
    const listed = await cli.run(
      ['mcp', 'secret', 'ls', '--secrets', 'docker-desktop:./.env', '--json'],
      inHome,
    )
    expect(JSON.parse(listed.stdout)).toMatchObject([
      {name: 'vault.key', provider: join(cli.home, '.env')},
    ])
    await cli.mcp('secret', 'set', 'vault.key=of-the-store')
    await using used = await connect(cli, ...spec)
    expect(await environment(used)).toMatchObject({VAULT_KEY: 'of-the-store'})
  })

  test('.mcp.env is a file that an export made', async () => {
    await using cli = await withVault()
    await cli.run(['mcp', 'secret', 'set', 'vault.key'], {stdin: PEM})
    const file = join(cli.home, '.mcp.env')
    await cli.mcp('secret', 'export', '--all', '--to-env-file', file)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    await cli.mcp('secret', 'rm', '--all')
    const blocked = await cli.run(['mcp', 'gateway', 'run', '--dry-run'])
    expect(blocked.stderr).toContain('docker mcp secret set vault.key')
    await using used = await connect(cli, '--secrets', file)
    expect(await environment(used)).toMatchObject({VAULT_KEY: PEM})
  })

  test('finds a file for each secret in a folder', async () => {
    await using cli = await withVault()
    const folder = join(cli.home, 'run-secrets')
    await mkdir(folder)
    await writeFile(join(folder, 'vault.key'), 'of-the-folder\n', {mode: 0o600})
    await using used = await connect(cli, '--secrets', folder)
    expect(await environment(used)).toMatchObject({VAULT_KEY: 'of-the-folder'})
  })
})

describe('a gateway in a container', () => {
  test('finds what Compose mounts as /run/secrets, and shows it to nobody', async () => {
    await using cli = await withVault()
    const value = `psst-${randomBytes(8).toString('hex')}`
    const folder = join(cli.home, 'run-secrets')
    await mkdir(folder)
    await writeFile(join(folder, 'vault.key'), `${value}\n`, {mode: 0o600})
    await writeFile(join(folder, 'mcp_secret'), 'other=x\n', {mode: 0o600})
    const catalog = await readFile(join(cli.mcpDir, 'catalogs', 'test.yaml'), 'utf8')
    const first = join(cli.home, 'first-line')
    await writeFile(first, `${JSON.stringify({'/tmp/test.yaml': catalog})}\n`)
    const name = `secrets-gateway-${randomUUID()}`
    const mark = ['DOCKER_MCP_MEMORY', 'DOCKER_MCP_STANDBY'].map(
      key => `--env=${key}=${cli.env[key]}`,
    )
    const mounts = [`${folder}:/run/secrets:ro`, '/var/run/docker.sock:/var/run/docker.sock']
    const container = [
      'run',
      '--interactive',
      '--rm',
      '--network=none',
      '--log-driver=none',
      `--name=${name}`,
      ...mark,
      ...mounts.map(mount => `--volume=${mount}`),
      await gatewayImage(),
    ]
    const flags = ['--catalog', '/tmp/test.yaml', '--servers', 'vault', '--block-secrets=false']
    const line = 'file=$1; shift; cat "$file" - | exec docker "$@"'
    await using used = await connectProgram('sh', {
      args: ['-c', line, 'sh', first, ...container, ...flags],
      env: cli.env,
    })
    expect(await environment(used)).toMatchObject({VAULT_KEY: value})
    const {stdout} = await run('docker', ['inspect', name])
    expect(stdout).toContain('/run/secrets')
    const mounted = ['--network=none', ...mounts.slice(0, 1).map(mount => `--volume=${mount}`)]
    const program = ['run', '--rm', ...mounted, '--entrypoint=node', await gatewayImage()]
    const secret = (...words: readonly string[]) =>
      run('docker', [...program, '/app/bin/docker-mcp.cjs', 'mcp', 'secret', ...words])
    for (const named of [
      [],
      ['--secrets=/run/secrets'],
      ['--secrets=/proc/self/root/run/secrets'],
    ]) {
      const names = await secret('ls', '--json', ...named)
      expect(names.stdout).toContain('"name": "vault.key"')
      expect(names.stdout).not.toContain('mcp_secret')
      await expect(secret('export', 'mcp_secret', ...named)).rejects.toMatchObject({
        stdout: '',
        stderr: expect.stringContaining('no store has mcp_secret'),
      })
    }
    expect(stdout + (await told(cli))).not.toContain(value)
  })
})

describe('secret ls', () => {
  test('has names, stores and servers, and what is missing for people only', async () => {
    await using cli = await withVault()
    expect(await cli.mcp('secret', 'ls')).toBe(
      'NAME        STORE       USED BY\nvault.key   ▲ missing   ✓ vault\n',
    )
    expect(JSON.parse(await cli.mcp('secret', 'ls', '--json'))).toEqual([])
    expect(JSON.parse(await cli.mcp('secret', 'ls', '--missing', '--format', 'json'))).toEqual([
      {
        name: 'vault.key',
        stores: [],
        servers: [{name: 'vault', enabled: true, required: true}],
      },
    ])
    await cli.mcp('secret', 'set', 'vault.key=psst')
    expect(await cli.mcp('secret', 'list')).toBe(
      'NAME        STORE   USED BY\nvault.key   file    ✓ vault\n',
    )
    expect(await cli.mcp('secret', 'ls', '--missing')).toBe(
      'No enabled server needs a secret that is not set.\n',
    )
  })

  test('names a variable like the secret that a server declares', async () => {
    await using cli = await withVault()
    const env = {DOCKER_MCP_SECRET_VAULT_KEY: 'psst', DOCKER_MCP_SECRET_NOBODY: 'psst'}
    const {stdout} = await cli.run(['mcp', 'secret', 'ls'], {env})
    expect(stdout).toBe(
      'NAME        STORE   USED BY\nNOBODY      env     -\nvault.key   env     ✓ vault\n',
    )
  })

  test('says why a store is not used', async () => {
    await using cli = await dockerCli()
    const rows = z
      .array(z.object({name: z.string(), usable: z.boolean(), why: z.string().optional()}))
      .parse(JSON.parse(await cli.mcp('secret', 'ls', '--stores', '--format', 'json')))
    expect(rows.map(({name}) => name)).toEqual([
      'keyring',
      'file',
      'pass',
      'credentials',
      '/run/secrets',
      'env',
    ])
    expect(rows[0]).toMatchObject({usable: false, why: expect.stringContaining('D-Bus')})
    expect(rows[1]).toMatchObject({usable: true})
  })
})

describe('secret ls of stores that cannot be read', () => {
  test('says so of the only one that is named, and fails', async () => {
    await using cli = await dockerCli()
    for (const format of ['human', 'json']) {
      const args = ['mcp', 'secret', 'ls', '--secrets', 'keyring', '--format', format]
      const {code, stdout, stderr} = await cli.run(args)
      expect(code).toBe(1)
      expect(stderr).toMatch(/^! keyring is not used: .*D-Bus/)
      expect(stdout).toBe(format === 'json' ? '[]\n' : '')
    }
  })

  test('says so of a damaged file, and fails', async () => {
    await using cli = await dockerCli()
    await cli.mcp('secret', 'set', 'a.key=psst')
    await writeFile(join(cli.mcpDir, 'secrets.enc.json'), '{')
    const {code, stdout, stderr} = await cli.run(['mcp', 'secret', 'ls'])
    expect({code, stdout}).toEqual({code: 1, stdout: ''})
    expect(stderr).toMatch(/^! file: /)
  })
})

test('says what of a flag of secrets is wrong in words of its own', async () => {
  await using cli = await dockerCli()
  const said = async (...args: readonly string[]) =>
    (await cli.run(['mcp', 'secret', ...args])).stderr
  expect(await said('audit', '--since', 'yesterday')).toMatch(
    /^--since: "yesterday" is neither a span nor a date\n {2}for example: --since 24h/,
  )
  expect(await said('audit', '--since', '2026-02-31')).toContain('neither a span nor a date')
  expect(await said('rekey', '--own-key', '--passphrase')).toMatch(
    /^--[\w-]+ and --[\w-]+ exclude each other\n/,
  )
  const bogus = await said('set', 'q=aaaa', '--store=bogus')
  expect(bogus).toContain('the store bogus cannot be written: there is no such store')
})

describe('secret set', () => {
  test('says that no variable takes a value so large', async () => {
    await using cli = await dockerCli()
    const set = async (bytes: number) =>
      (await cli.run(['mcp', 'secret', 'set', 'a.key'], {stdin: 'x'.repeat(bytes)})).stderr
    expect(await set(131_072)).toContain('a.key is too large for a variable')
    expect(await set(131_000)).not.toContain('too large')
  })

  test('asks for no value that no store would take', async () => {
    await using cli = await dockerCli()
    const args = ['mcp', 'secret', 'set', 'a.key', '--store', 'bogus']
    // Nothing is on stdin: who reads it first says so.
    expect((await cli.run(args)).stderr).toContain('there is no such store')
  })

  test('says that a line break at the end is kept, and how to do without', async () => {
    await using cli = await dockerCli()
    const {stderr} = await cli.run(['mcp', 'secret', 'set', 'a.key'], {stdin: 'one\n'})
    expect(stderr).toContain('ends in a line break, which is kept')
    expect(stderr).toContain('printf %s')
    expect(await cli.mcp('secret', 'export', 'a.key')).toBe('a.key="one\\n"\n')
  })

  test('names what was meant by a name that no server declares', async () => {
    await using cli = await withVault()
    const {code, stderr} = await cli.run(['mcp', 'secret', 'set', 'vault.kye=psst'])
    expect(code).toBe(0)
    expect(stderr).toContain(
      'no server in your catalogs declares vault.kye; did you mean vault.key?',
    )
  })

  test.for([
    ['two words', ['a.key', 'psst'], /takes one NAME or NAME=VALUE/],
    ['an empty value', ['a.key='], /the value of a\.key is empty/],
    ['nothing on stdin', ['a.key'], /no value of a\.key came from stdin/],
    ['what is no name', ['psst psst=x'], /that is not a name of a secret/],
    ['a provider of others', ['a.key=psst', '--provider', 'vault'], /--provider vault/],
  ] as const)('refuses %s, and repeats no value', async ([, args, message]) => {
    await using cli = await dockerCli()
    const {code, stdout, stderr} = await cli.run(['mcp', 'secret', 'set', ...args])
    expect(code).toBe(125)
    expect(stderr).toMatch(message)
    expect(stdout + stderr).not.toContain('psst')
  })

  test('takes the ids that docker’s own tools print', async () => {
    await using cli = await dockerCli()
    await cli.mcp('secret', 'set', 'docker/mcp/a.key=psst')
    expect(await cli.mcp('secret', 'export', 'docker/mcp/a.key')).toBe('a.key=psst\n')
    const {stderr} = await cli.run(['mcp', 'secret', 'rm', 'docker/mcp/a.key'])
    expect(stderr).toBe('removed a.key from the encrypted file\n')
  })

  test('takes docker’s old --provider', async () => {
    await using cli = await dockerCli()
    await cli.mcp('secret', 'set', 'a.key=psst', '--provider', 'credstore')
    expect(await cli.mcp('secret', 'export', 'a.key')).toBe('a.key=psst\n')
  })
})

describe('the key of the encrypted file', () => {
  test('is named, and so is a variable that does not count, and why it is shut', async () => {
    await using cli = await dockerCli()
    const file = join(cli.home, 'key')
    await writeFile(file, randomBytes(32), {mode: 0o600})
    await cli.mcp('secret', 'set', 'a.key=psst')
    const env = {DOCKER_MCP_SECRETS_KEY_FILE: file}
    const set = await cli.run(['mcp', 'secret', 'set', 'b.key=psst'], {env})
    expect(set.stderr).toContain('! DOCKER_MCP_SECRETS_KEY_FILE does not count')
    expect(set.stderr).not.toContain('is new')
    const rowOf = async () =>
      z
        .array(z.object({name: z.string()}).loose())
        .parse(
          JSON.parse((await cli.run(['mcp', 'secret', 'ls', '--stores', '--json'], {env})).stdout),
        )
        .find(({name}) => name === 'file')
    expect(await rowOf()).toMatchObject({
      usable: true,
      key: 'own-key',
      ignored: 'DOCKER_MCP_SECRETS_KEY_FILE',
    })
    await rename(join(cli.mcpDir, 'secrets.key'), join(cli.home, 'away'))
    expect(await rowOf()).toMatchObject({
      usable: false,
      why: expect.stringContaining('secrets.key'),
    })
    const shut = await cli.run(['mcp', 'secret', 'set', 'c.key=psst'])
    expect(shut.stderr).toContain('put ')
    expect(shut.code).toBe(1)
    expect((await cli.run(['mcp', 'secret', 'export', '--all'])).code).toBe(1)
  })
})

describe('secret rm', () => {
  test('removes what there is, and names what may have been meant', async () => {
    await using cli = await dockerCli()
    await cli.mcp('secret', 'set', 'a.key=1')
    await cli.mcp('secret', 'set', 'b.token=2')
    const {code, stderr} = await cli.run(['mcp', 'secret', 'rm', 'a.kye', 'b.token'])
    expect(code).toBe(1)
    expect(stderr).toBe(
      'removed b.token from the encrypted file\nno store has a.kye\n  did you mean a.key?\n',
    )
    expect(await cli.mcp('secret', 'export', '--all')).toBe('a.key=1\n')
    await cli.mcp('secret', 'rm', '--all')
    expect(await cli.mcp('secret', 'ls', '--format', 'json')).toBe('[]\n')
  })

  test.each<[string, (cli: DockerCli) => Promise<unknown>, string]>([
    ['locked', cli => rm(join(cli.mcpDir, 'secrets.key')), 'file keeps 1 secret: the key of '],
    ['open to others', cli => chmod(encrypted(cli), 0o644), 'file keeps 1 secret: others may use '],
    ['damaged', cli => truncate(encrypted(cli), 20), 'file keeps secrets: '],
  ])('--all fails for a file that is %s', async (_how, spoil, said) => {
    await using cli = await dockerCli()
    await cli.mcp('secret', 'set', 'a.key=1')
    await spoil(cli)
    const {code, stderr} = await cli.run(['mcp', 'secret', 'rm', '--all'])
    expect(stderr).toMatch(new RegExp(`^${said}`))
    expect(code).toBe(1)
    expect(await readFile(encrypted(cli), 'utf8')).not.toBe('')
  })

  test('--all does not look at the lists of stores that --store does not name', async () => {
    await using cli = await dockerCli()
    await cli.mcp('secret', 'set', 'a.key=1', '--store', 'file')
    // As a machine that had a keyring leaves it.
    const changed = new Date().toISOString()
    const secrets = [{name: 'b.key', store: 'keyring', changed}]
    const index = JSON.stringify({version: 1, changed, secrets})
    await writeFile(join(cli.mcpDir, 'secrets.json'), index, {mode: 0o600})
    expect(await cli.run(['mcp', 'secret', 'rm', '--all', '--store', 'file'])).toMatchObject({
      code: 0,
      stderr: 'removed a.key from the encrypted file\n',
    })
    const all = await cli.run(['mcp', 'secret', 'rm', '--all'])
    expect(all.code).toBe(1)
    expect(all.stderr).toContain('not removed without --forget: b.key')
  })

  test('wants names or --all', async () => {
    await using cli = await dockerCli()
    expect(await cli.run(['mcp', 'secret', 'rm'])).toMatchObject({code: 125})
    expect(await cli.run(['mcp', 'secret', 'rm', 'a', '--all'])).toMatchObject({code: 125})
  })
})

describe('secret export', () => {
  test('replaces no file unless it is told to', async () => {
    await using cli = await dockerCli()
    await cli.mcp('secret', 'set', 'a.key=psst')
    const file = join(cli.home, 'out.env')
    await writeFile(file, 'mine')
    const {code, stderr} = await cli.run([
      'mcp',
      'secret',
      'export',
      'a.key',
      '--to-env-file',
      file,
    ])
    expect({code, stderr}).toMatchObject({code: 1, stderr: expect.stringContaining('--force')})
    expect(await readFile(file, 'utf8')).toBe('mine')
    expect(await cli.mcp('secret', 'audit', '--format', 'json')).toBe('[]\n')
    await cli.mcp('secret', 'export', 'a.key', '--to-env-file', file, '--force')
    expect(await readFile(file, 'utf8')).toBe('a.key=psst\n')
  })

  test('is recorded, as the reads of servers are', async () => {
    await using cli = await withVault()
    await cli.mcp('secret', 'set', 'vault.key=psst')
    await cli.mcp('secret', 'export', 'vault.key')
    {
      await using used = await connect(cli)
      await environment(used)
    }
    const records: unknown = JSON.parse(await cli.mcp('secret', 'audit', '--format', 'json'))
    expect(records).toEqual([
      expect.objectContaining({secret: 'vault.key', store: 'file', by: 'secret export'}),
      expect.objectContaining({secret: 'vault.key', store: 'file', server: 'vault'}),
    ])
    expect(JSON.stringify(records)).not.toContain('psst')
    const ofServer = await cli.mcp('secret', 'audit', '--server', 'vault', '--since', '1h')
    expect(ofServer.trimEnd().split('\n')).toHaveLength(2)
    expect(await cli.mcp('secret', 'audit', '--server', 'nobody')).toBe(
      'No read of a secret is recorded.\n',
    )
  })
})

describe('completion', () => {
  test('has the names that servers declare, and those that are set', async () => {
    await using cli = await withVault()
    const complete = async (...words: readonly string[]) =>
      (await cli.mcp('__complete', 'mcp', 'secret', ...words)).split('\n')
    expect(await complete('set', 'vault')).toContain('vault.key\tvault')
    expect(await complete('rm', '')).not.toContain('vault.key')
    await cli.mcp('secret', 'set', 'vault.key=psst')
    expect(await complete('rm', '')).toContain('vault.key')
    expect(await complete('set', '--store', 'f')).toContain('file')
    expect((await complete('audit', '--server', 'vau')).join('\n')).toContain('vault')
  })
})

describe('secret rekey', () => {
  test('encrypts with a passphrase, which is needed from then on', async () => {
    await using cli = await dockerCli()
    await cli.mcp('secret', 'set', 'a.key=psst')
    const [passphrase, next] = ['correct horse', 'DOCKER_MCP_SECRETS_NEW_PASSPHRASE']
    const rekeyed = await cli.run(['mcp', 'secret', 'rekey', '--passphrase'], {
      env: {[next]: passphrase},
    })
    expect(rekeyed).toMatchObject({code: 0, stderr: expect.stringContaining('encrypted anew')})
    const without = await cli.run(['mcp', 'secret', 'export', 'a.key'])
    expect(without.code).toBe(1)
    expect(without.stdout + without.stderr).not.toMatch(/psst|horse/)
    const env = {DOCKER_MCP_SECRETS_PASSPHRASE: passphrase}
    const given = await cli.run(['mcp', 'secret', 'export', 'a.key'], {env})
    expect(given.stdout).toBe('a.key=psst\n')
    await cli.run(['mcp', 'secret', 'rekey', '--own-key'], {env})
    expect(await cli.mcp('secret', 'export', 'a.key')).toBe('a.key=psst\n')
  })
})

const REASON =
  /secrets\.enc\.json is (?:damaged: it is cut off|not in )[^]*set the secrets again \(docker mcp secret set vault\.key\)/
/** What leads nowhere when the store cannot be read. */
const USELESS = /NAME|needs a secret/

describe('stores that nobody named, or that are damaged', () => {
  test('keep what they have when others are named', async () => {
    await using cli = await dockerCli()
    await cli.mcp('secret', 'set', 'a.key=kept', '--store', 'file')
    const file = join(cli.home, 't.env')
    await writeFile(file, 'x=1\n', {mode: 0o600})
    const all = await cli.run(['mcp', 'secret', 'rm', '--all', '--secrets', file])
    expect(all.stderr).toBe('there is no secret to remove\n')
    const one = await cli.run(['mcp', 'secret', 'rm', 'a.key', '--secrets', file])
    expect(one.code).toBe(1)
    expect(await cli.mcp('secret', 'export', 'a.key')).toBe('a.key=kept\n')
  })

  test('replace no backup with nothing', async () => {
    await using cli = await dockerCli()
    await cli.mcp('secret', 'set', 'a.key=kept', '--store', 'file')
    const backup = join(cli.home, 'bak.env')
    const save = ['mcp', 'secret', 'export', '--all', '--to-env-file', backup, '--force']
    expect((await cli.run(save)).code).toBe(0)
    await truncate(join(cli.mcpDir, 'secrets.enc.json'), 100)
    const failed = await cli.run(save)
    expect(failed.code).toBe(1)
    expect(failed.stderr).toContain('not all secrets can be exported: file: ')
    await rm(join(cli.mcpDir, 'secrets.enc.json'))
    expect((await cli.run(save)).stderr).toContain('there is no secret to export')
    expect(await readFile(backup, 'utf8')).toBe('a.key=kept\n')
  })

  test.each([
    ['damaged', (cli: DockerCli) => truncate(join(cli.mcpDir, 'secrets.enc.json'), 100)],
    ['without its key', (cli: DockerCli) => rm(join(cli.mcpDir, 'secrets.key'))],
  ])('are the reason that each command gives, and what to do (%s)', async (_what, spoil) => {
    await using cli = await withVault()
    await cli.mcp('secret', 'set', 'vault.key=psst', '--store', 'file')
    const listed = await cli.run(['mcp', 'server', 'ls'])
    expect(listed).toMatchObject({code: 0, stderr: ''})
    await spoil(cli)
    expect(JSON.parse(await cli.mcp('server', 'ls', '--format', 'json'))).toMatchObject([
      {name: 'vault', secrets: 'required'},
    ])
    await cli.mcp('server', 'disable', 'vault')
    for (const words of [
      ['server', 'enable', 'vault'],
      ['server', 'ls'],
      ['server', 'inspect', 'vault'],
      ['gateway', 'run', '--dry-run'],
      ['secret', 'ls'],
      ['secret', 'rm', 'vault.key'],
      ['secret', 'rm', 'vault.key', '--store', 'file'],
      ['secret', 'set', 'vault.key=other', '--store', 'file'],
      ['secret', 'export', 'vault.key'],
    ]) {
      const {stderr} = await cli.run(['mcp', ...words])
      expect({words, stderr}).toEqual({words, stderr: expect.stringMatching(REASON)})
      expect({words, stderr}).not.toEqual({words, stderr: expect.stringMatching(USELESS)})
    }
  })

  test('name the secret that is lost with them, and no other', async () => {
    await using cli = await dockerCli()
    await addCatalog(cli, {
      first: {image: 'never-started', secrets: [{name: 'aaa.key', env: 'A'}]},
      vault: {image: 'never-started', secrets: [{name: 'vault.key', env: 'V'}]},
    })
    await cli.mcp('server', 'enable', 'first', 'vault')
    await cli.mcp('secret', 'set', 'vault.key=psst', '--store', 'file')
    await rename(join(cli.mcpDir, 'secrets.key'), join(cli.home, 'away'))
    const one = await cli.run(['mcp', 'secret', 'ls'])
    expect(one.stderr).toContain('(docker mcp secret set vault.key)')
    await rename(join(cli.home, 'away'), join(cli.mcpDir, 'secrets.key'))
    await cli.mcp('secret', 'set', 'other.key=psst', '--store', 'file')
    await rm(join(cli.mcpDir, 'secrets.key'))
    const several = await cli.run(['mcp', 'secret', 'ls'])
    expect(several.stderr).toContain('(docker mcp secret set NAME)')
    await truncate(join(cli.mcpDir, 'secrets.enc.json'), 100)
    const unknown = await cli.run(['mcp', 'secret', 'ls'])
    expect(unknown.stderr).toContain('(docker mcp secret set NAME)')
  })

  test('are not what server enable names when a file counts', async () => {
    await using cli = await dockerCli()
    const file = join(cli.home, 'team.env')
    await writeFile(file, 'x=1\n', {mode: 0o600})
    const {stderr} = await cli.run(['mcp', 'server', 'enable', 'brave'], {
      env: {DOCKER_MCP_SECRETS: file},
    })
    expect(stderr).toContain(
      `brave needs a secret: put the line brave.api_key=<value> into ${file}`,
    )
  })
})
