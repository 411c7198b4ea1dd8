import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {connectStdio, printedEndpoint} from '../support/cli-client.ts'
import {addCatalog, sampleImage} from '../support/cli-catalog.ts'
import {dockerCli} from '../support/docker-cli.ts'

const WRONG = 'prot: 1\nlogLevel: loud\ncredentials:\n  a.b: hunter2\n'

describe('gateway run', () => {
  test('takes from the file what nobody else says', async () => {
    await using cli = await dockerCli()
    await cli.write('mcp-gateway-config.yaml', 'transport: streaming\nport: 0\n')
    await using gateway = cli.start(['mcp', 'gateway', 'run'])
    const {url} = await printedEndpoint(gateway)
    expect(url.pathname).toBe('/mcp')
    expect((await fetch(new URL('/health', url))).status).toBe(200)
    await using other = cli.start(['mcp', 'gateway', 'run', '--transport', 'sse'])
    await other.said(/Gateway: http:\S+\/sse/)
    await using third = cli.start(['mcp', 'gateway', 'run'], {env: {DOCKER_MCP_TRANSPORT: 'sse'}})
    await third.said(/Gateway: http:\S+\/sse/)
    // A client that starts the gateway itself is not kept from it by the port of the file.
    const ended = await cli.run(['mcp', 'gateway', 'run', '--transport', 'stdio'])
    expect(ended).toMatchObject({code: 0, stderr: expect.not.stringContaining('Gateway:')})
  })

  test('reads another file, which must be there then', async () => {
    await using cli = await dockerCli()
    const file = await cli.write('other.yaml', 'logLevel: error\n')
    const args = ['mcp', 'gateway', 'run', '--dry-run', '--gateway-config']
    expect(await cli.run([...args, file])).toMatchObject({code: 0, stderr: ''})
    const env = {DOCKER_MCP_GATEWAY_CONFIG: file}
    expect(await cli.run(args.slice(0, -1), {env})).toMatchObject({code: 0, stderr: ''})
    expect((await cli.run(args.slice(0, -1))).stderr).toContain('Initialized in')
    const {code, stderr} = await cli.run([...args, join(cli.home, 'none.yaml')])
    expect(code).toBe(1)
    expect(stderr).toContain('none.yaml does not exist')
  })

  test('does not start with a file that is wrong, and tells all of it', async () => {
    await using cli = await dockerCli()
    const file = await cli.write('mcp-gateway-config.yaml', WRONG)
    const {code, stdout, stderr} = await cli.run(['mcp', 'gateway', 'run'])
    expect({code, stdout}).toEqual({code: 1, stdout: ''})
    expect(stderr).toContain(`${file}:1:1: “prot” is no key of this file; did you mean “port”?`)
    expect(stderr).toContain(`${file}:2:1: “logLevel” must be one of: error, warn, info, debug`)
    expect(stderr).toContain(`${file}:4:3: “credentials.a.b” holds no reference`)
    expect(stderr).not.toContain('hunter2')
  })

  test('gives servers secrets from the environment, behind the files of secrets', async () => {
    await using cli = await dockerCli()
    const secrets = [{name: 'vault.key', env: 'VAULT_KEY'}]
    await addCatalog(cli, {vault: {image: await sampleImage('everything'), secrets}})
    await cli.mcp('server', 'enable', 'vault')
    await cli.write('mcp-gateway-config.yaml', 'credentials: {vault.key: "key-${VAULT}"}\n')
    const missing = await cli.run(['mcp', 'gateway', 'run', '--dry-run'])
    expect(missing.stderr).toContain('server vault needs the secret vault.key')
    const withValue = {...cli, env: {...cli.env, VAULT: 'violet-otter-17'}}
    {
      await using used = await connectStdio(withValue, ['--verbose', '--block-secrets=false'])
      expect(await used.text('get-env', {})).toContain('key-violet-otter-17')
      expect(used.stderr()).not.toContain('violet-otter-17')
    }
    const file = await cli.write('secrets.env', 'vault.key=from-the-file\n')
    await using used = await connectStdio(withValue, ['--secrets', file])
    expect(await used.text('get-env', {})).toContain('from-the-file')
  })

  test('checks the key file before anything starts', async () => {
    await using cli = await dockerCli()
    await cli.write('mcp-gateway-config.yaml', 'encryptionKeyFile: key\n')
    const missing = await cli.run(['mcp', 'gateway', 'run'])
    expect(missing.code).toBe(1)
    expect(missing.stderr).toContain(`the key file ${join(cli.mcpDir, 'key')} does not exist`)
  })
})

describe('gateway config', () => {
  test('check tells that a file is right, and what is not set', async () => {
    await using cli = await dockerCli()
    const file = await cli.write(
      'mcp-gateway-config.yaml',
      'credentials: {a.b: "${NOT_SET_HERE}"}\n',
    )
    expect(await cli.mcp('gateway', 'config', 'check')).toBe(
      `! NOT_SET_HERE is not set: the secret a.b is missing\n${file} is right.\n`,
    )
    expect(JSON.parse(await cli.mcp('gateway', 'config', 'check', '--format', 'json'))).toEqual({
      file,
      valid: true,
      problems: [],
      missing: [],
      warnings: ['NOT_SET_HERE is not set: the secret a.b is missing'],
    })
  })

  test('check tells everything that is wrong, with its place', async () => {
    await using cli = await dockerCli()
    const file = await cli.write('elsewhere/wrong.yaml', WRONG)
    const check = ['mcp', 'gateway', 'config', 'check', file]
    const {code, stdout} = await cli.run(check)
    expect(code).toBe(1)
    expect(stdout.split('\n').map(line => line.split(' ')[0])).toEqual([
      `${file}:1:1:`,
      `${file}:2:1:`,
      `${file}:4:3:`,
      '',
    ])
    const json = await cli.run([...check, '--format', 'json'])
    expect(json.code).toBe(1)
    expect(JSON.parse(json.stdout)).toMatchObject({
      valid: false,
      problems: [
        {line: 1, column: 1, key: 'prot'},
        {line: 2, column: 1, key: 'logLevel'},
        {line: 4, column: 3, key: 'credentials.a.b'},
      ],
    })
  })

  test('check looks at the files that are named, too', async () => {
    await using cli = await dockerCli()
    await cli.write('mcp-gateway-config.yaml', 'encryptionKeyFile: k\nnetwork: {caFile: ca.pem}\n')
    const {code, stdout} = await cli.run(['mcp', 'gateway', 'config', 'check'])
    expect(code).toBe(1)
    expect(stdout).toContain(`the key file ${join(cli.mcpDir, 'k')} does not exist`)
    expect(stdout).toContain(
      `the file of certificates ${join(cli.mcpDir, 'ca.pem')} does not exist`,
    )
  })

  test.for<[line: string, said: string]>([
    ['tls: {cert: c.pem, key: k.pem}', 'c.pem, does not exist'],
    ['host: "not a host!"', '"not a host!" is neither the name of a host nor an address'],
    ['profile: "../../x"', '"../../x" cannot be the id of a profile'],
    ['images: {rewrite: [{from: "a*b*", to: c}]}', 'images.rewrite.0: "a*b*": from and to must'],
    [
      'accessControl: {clients: {a: {token: "${SHORT}"}}}',
      'the token of client a (SHORT) is shorter',
    ],
  ])('check refuses what a gateway does: %s', async ([line, said]) => {
    await using cli = await dockerCli()
    const file = await cli.write('mcp-gateway-config.yaml', `transport: streaming\n${line}\n`)
    const env = {SHORT: 'abc'}
    const {code, stdout} = await cli.run(['mcp', 'gateway', 'config', 'check'], {env})
    expect(code).toBe(1)
    expect(stdout).toContain(said)
    expect(stdout).not.toContain('is right')
    const named = ['mcp', 'gateway', 'run', '--gateway-config', file, '--port', '0']
    expect((await cli.run(named, {env})).code).not.toBe(0)
  })

  test('check warns of a profile that is not there', async () => {
    await using cli = await dockerCli()
    const file = await cli.write('mcp-gateway-config.yaml', 'profile: later\nhost: "[::1]"\n')
    expect(await cli.mcp('gateway', 'config', 'check')).toBe(
      `! there is no profile later: a gateway does not start before it is made\n${file} is right.\n`,
    )
  })

  test('a rule for images that is wrong is told with the file that it is in', async () => {
    await using cli = await dockerCli()
    const file = await cli.write('other.yaml', 'images: {rewrite: [{from: "a*b*", to: c}]}\n')
    const {code, stderr} = await cli.run(['mcp', 'gateway', 'run', '--gateway-config', file])
    expect(code).toBe(1)
    expect(stderr).toContain(`${file}: images.rewrite.0`)
  })

  test('schema prints a JSON Schema', async () => {
    await using cli = await dockerCli()
    expect(JSON.parse(await cli.mcp('gateway', 'config', 'schema'))).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      additionalProperties: false,
      properties: {port: {maximum: 65_535}},
    })
  })
})

test('commands that look at servers count the secrets of the file', async () => {
  await using cli = await dockerCli()
  const secrets = [{name: 'vault.key', env: 'VAULT_KEY'}]
  await addCatalog(cli, {vault: {image: 'none', secrets}})
  await cli.mcp('server', 'enable', 'vault')
  await cli.write('mcp-gateway-config.yaml', 'credentials: {vault.key: "${VAULT}"}\n')
  const need = async (env: Readonly<Record<string, string>>) => {
    const {stdout} = await cli.run(['mcp', 'server', 'ls', '--format', 'json'], {env})
    return Object(JSON.parse(stdout))[0].secrets
  }
  expect(await need({})).toBe('required')
  expect(await need({VAULT: 'violet-otter-17'})).toBe('done')
})
