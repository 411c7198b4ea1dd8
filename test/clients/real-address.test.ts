import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {dockerCli, type DockerCli, type Running} from '../support/docker-cli.ts'
import {listedBy, type Network, type RealId} from './real-client.ts'

const TOKEN = 'tok-of-the-gateway-0123456789'
const PORT = 8811
const URL = `http://127.0.0.1:${PORT}/mcp`
const PATIENT = {timeout: 120_000}

/** What clients say of a gateway at an address; one that refuses them is not connected. */
const SAY: readonly (readonly [id: RealId, says: RegExp])[] = [
  ['claude-code', /^MCP_DOCKER: http.* - \S Connected$/m],
  ['opencode', /\S MCP_DOCKER +connected$/m],
  ['factory', /^ +MCP_DOCKER +http +connected/m],
  ['gemini', /^\S MCP_DOCKER: http.* \(http\) - Connected$/m],
  ['qwen-code', /^\S MCP_DOCKER: http.* \(http\) - Connected$/m],
  ['qoder-cli', /^\S MCP_DOCKER: http.* - Connected/m],
]

/** They show the entry and ask nobody. */
const THAT_LIST: readonly (readonly [id: RealId, says: RegExp])[] = [
  ['codex', /^MCP_DOCKER +http:\/\/127\.0\.0\.1.* +enabled/m],
  ['copilot-cli', /^ +MCP_DOCKER \(http\)$/m],
  ['augment', /^\S MCP_DOCKER +http/m],
]
/** Those of them that are known to take the value of a variable. */
const WITHOUT_VARIABLES: readonly RealId[] = ['copilot-cli', 'augment']

let home: DockerCli
let gateway: Running
let network: Network

beforeAll(async () => {
  home = await dockerCli()
  await home.mcp('server', 'enable', 'everything')
  // Claude Code waits 5 s for a list, in which a server that was never seen may not have started on a busy machine.
  await home.mcp('tools', 'ls')
  const run = `docker mcp gateway run --transport streaming --port ${PORT}`
  gateway = home.start(['--net', '--', 'sh', '-c', `ip link set lo up && exec ${run}`], {
    program: 'unshare',
    env: {MCP_GATEWAY_AUTH_TOKEN: TOKEN},
  })
  await gateway.said(new RegExp(URL))
  network = ['nsenter', '--target', String(gateway.pid), '--net', '--']
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await home[Symbol.asyncDispose]()
})

describe('after docker mcp client connect --url', () => {
  test.for([...SAY, ...THAT_LIST])('%s has the address and the token', async ([client, says]) => {
    await using cli = await dockerCli()
    await cli.mcp('client', 'connect', client, '-g', '--url', URL, '--token', TOKEN)
    // Some of them wait 5 s for an answer, which takes longer on a busy machine.
    await expect.poll(() => listedBy(cli, client, {network}), PATIENT).toMatch(says)
    await cli.mcp('client', 'disconnect', client, '-g')
    expect(await listedBy(cli, client, {network})).not.toContain('MCP_DOCKER')
  })

  test.for([...SAY, ...THAT_LIST].filter(([id]) => !WITHOUT_VARIABLES.includes(id)))(
    '%s has the address, and takes the token from a variable',
    async ([client, says]) => {
      await using cli = await dockerCli()
      await cli.mcp('client', 'connect', client, '-g', '--url', URL, '--token-env', 'MCP_TOKEN')
      const listed = () => listedBy(cli, client, {network, env: {MCP_TOKEN: TOKEN}})
      await expect.poll(listed, PATIENT).toMatch(says)
    },
  )

  test.for(SAY)('%s without the right token is not connected', async ([client, says]) => {
    await using cli = await dockerCli()
    await cli.mcp('client', 'connect', client, '-g', '--url', URL, '--token', 'another')
    const said = await listedBy(cli, client, {network})
    expect(said).toContain('MCP_DOCKER')
    expect(said).not.toMatch(says)
  })
})
