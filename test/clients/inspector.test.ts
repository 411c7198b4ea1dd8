import {join} from 'node:path'

import inspector from '@modelcontextprotocol/inspector/package.json' with {type: 'json'}
import {afterAll, beforeAll, describe, expect, test} from 'vitest'

import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {FILE, placeOf, THOUGHT, TRANSPORTS, type Place} from './peer.ts'

const INSPECTOR = join(
  import.meta.dirname,
  '../../node_modules/@modelcontextprotocol/inspector',
  inspector.bin['mcp-inspector'],
)

/** Each run of the inspector is a session of its own with one request in it, and what its answer must hold. */
const RUNS: readonly (readonly [method: string, flags: readonly string[], answer: string])[] = [
  ['tools/list', [], '"sequentialthinking"'],
  ['tools/call', ['--tool-name', 'echo', '--tool-arg', 'message=otter'], 'Echo: otter'],
  [
    'tools/call',
    ['--tool-name', 'sequentialthinking', '--tool-args-json', JSON.stringify(THOUGHT)],
    '\\"totalThoughts\\": 3',
  ],
  ['resources/read', ['--uri', FILE], '# Everything Server'],
  ['prompts/get', ['--prompt-name', 'args-prompt', '--prompt-args', 'city=Ulm'], 'Ulm'],
  ['logging/setLevel', ['--log-level', 'debug'], '{}'],
]

describe.for(TRANSPORTS)('over %s', transport => {
  let cli: DockerCli
  let place: Place

  beforeAll(async () => {
    cli = await dockerCli()
    await cli.mcp('server', 'enable', 'everything', 'sequentialthinking')
    place = await placeOf(transport, cli)
  })
  afterAll(() => cli[Symbol.asyncDispose]())

  test('the inspector lists, calls, reads, gets a prompt and sets a level, and leaves no container', async () => {
    // Starting it takes much longer than what it does, so all start at once.
    const outcomes = await Promise.all(
      RUNS.map(([method, flags]) => inspect(cli, place, method, flags)),
    )
    for (const [at, [method, , answer]] of RUNS.entries()) {
      const outcome = outcomes[at]
      expect(outcome, `${method}\n${outcome?.stderr}`).toMatchObject({code: 0})
      expect(outcome?.stdout).toContain(answer)
    }
    // It leaves without a word, and over streamable HTTP its sessions could be taken up again: they end with the gateway.
    if (place.transport === 'streaming') place.gateway.child.kill('SIGTERM')
    await cli.gone()
  })
})

function inspect(cli: DockerCli, place: Place, method: string, flags: readonly string[]) {
  const words = ['--cli', '--protocol-era', 'legacy', ...targetOf(cli, place)]
  return cli.run([INSPECTOR, ...words, '--method', method, ...flags], {
    program: process.execPath,
    env: {MCP_STORAGE_DIR: cli.home},
  })
}

function targetOf(cli: DockerCli, place: Place): readonly string[] {
  if (place.transport === 'stdio') {
    // The inspector starts programs with an environment of its own.
    const env = ['DOCKER_CONFIG', 'DOCKER_MCP_MEMORY', 'DOCKER_HOST'].flatMap(name =>
      cli.env[name] === undefined ? [] : ['-e', `${name}=${cli.env[name]}`],
    )
    return [...env, place.command, ...place.args]
  }
  const headers = Object.entries(place.headers).map(([name, value]) => `${name}: ${value}`)
  const kind = place.transport === 'sse' ? 'sse' : 'http'
  return ['--transport', kind, '--server-url', String(place.url), '--header', ...headers]
}
