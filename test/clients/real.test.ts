import {describe, expect, test} from 'vitest'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {listedBy, type RealId} from './real-client.ts'

/** What clients say of our entry when somebody asks them for their servers. */
type Says = readonly (readonly [id: RealId, says: RegExp])[]

/** They start `docker mcp gateway run`, do the handshake, and some of them have it list tools. */
const THAT_CONNECT: Says = [
  ['claude-code', /^MCP_DOCKER: docker mcp gateway run.* - \S Connected$/m],
  ['gemini', /^\S MCP_DOCKER: docker mcp gateway run.* \(stdio\) - Connected$/m],
  ['opencode', /\S MCP_DOCKER +connected$/m],
  ['factory', /^ +MCP_DOCKER +stdio +connected/m],
  ['qwen-code', /^\S MCP_DOCKER: docker mcp gateway run.* \(stdio\) - Connected$/m],
  ['qoder-cli', /^\S MCP_DOCKER: docker mcp gateway run.* \(stdio\) - Connected/m],
]

/** They show the entry and start nothing. */
const THAT_LIST: Says = [
  ['codex', /^MCP_DOCKER +docker +mcp gateway run.* +enabled/m],
  ['copilot-cli', /^ +MCP_DOCKER \(local\)$/m],
  ['augment', /^\S MCP_DOCKER +stdio +docker mcp gateway run/m],
]

describe('after docker mcp client connect', () => {
  test.for(THAT_CONNECT)('%s says connected, without any network', async ([client, says]) => {
    await using cli = await connected(client)
    // Some of them give a program 5 s to start, which a busy machine may not do at once.
    await expect.poll(() => listedBy(cli, client), {timeout: 120_000}).toMatch(says)
    await disconnected(cli, client)
    await cli.gone()
  })

  test.for(THAT_LIST)('%s lists the entry, without any network', async ([client, says]) => {
    await using cli = await connected(client)
    expect(await listedBy(cli, client)).toMatch(says)
    await disconnected(cli, client)
  })
})

async function connected(client: RealId): Promise<DockerCli> {
  const cli = await dockerCli()
  await cli.mcp('server', 'enable', 'everything')
  // Claude Code waits 5 s for a list, in which a server that was never seen may not have started on a busy machine.
  await cli.mcp('tools', 'ls')
  await cli.mcp('client', 'connect', client, '--global')
  return cli
}

async function disconnected(cli: DockerCli, client: RealId): Promise<void> {
  await cli.mcp('client', 'disconnect', client, '--global')
  expect(await listedBy(cli, client)).not.toContain('MCP_DOCKER')
}
