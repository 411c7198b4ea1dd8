import {readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'

async function withTwo(): Promise<DockerCli> {
  const cli = await dockerCli()
  await cli.mcp('server', 'enable', 'everything', 'memory')
  return cli
}

const toolsFile = (cli: DockerCli) => join(cli.mcpDir, 'tools.yaml')

describe('tools disable and enable', () => {
  test('write the tools that are left, and take the list out when all of them are there', async () => {
    await using cli = await withTwo()
    await writeFile(toolsFile(cli), '# mine\nfetch: [fetch] # one\n')
    expect(await cli.mcp('tools', 'count')).toBe('22 tools\n')
    const off = await cli.run(['mcp', 'tools', 'disable', 'echo', 'read_graph'])
    expect(off.stderr).toBe('disabled echo of everything\ndisabled read_graph of memory\n')
    const text = await readFile(toolsFile(cli), 'utf8')
    expect(text).toMatch(/^# mine\nfetch: \[fetch\] # one\n/)
    expect(text).not.toMatch(/echo|read_graph/)
    expect(await cli.mcp('tools', 'count')).toBe('20 tools\n')
    const again = await cli.run(['mcp', 'tools', 'disable', 'echo'])
    expect(again.stderr).toBe('echo of everything is already disabled\n')
    await cli.mcp('tools', 'enable', 'echo', 'read_graph')
    expect(await readFile(toolsFile(cli), 'utf8')).toBe('# mine\nfetch: [fetch] # one\n')
    expect(await cli.mcp('tools', 'count')).toBe('22 tools\n')
    await cli.gone()
  })

  test('keep the file when a name is no tool, or the file is wrong', async () => {
    await using cli = await withTwo()
    const unknown = await cli.run(['mcp', 'tools', 'disable', 'echo', 'eco'])
    expect(unknown.code).toBe(1)
    expect(unknown.stderr).toContain('no enabled server has a tool "eco"\n  did you mean "echo"?')
    await expect(readFile(toolsFile(cli))).rejects.toMatchObject({code: 'ENOENT'})
    await writeFile(toolsFile(cli), 'everything: 5\n')
    const wrong = await cli.run(['mcp', 'tools', 'enable', 'echo'])
    expect(wrong.stderr).toContain('tools.yaml:1:1: “everything” is not a list of tool names')
    expect(await readFile(toolsFile(cli), 'utf8')).toBe('everything: 5\n')
    await cli.gone()
  })

  test('know the tools that access rules hide, and keep them', async () => {
    await using cli = await withTwo()
    await cli.write('mcp-gateway-config.yaml', 'accessControl: {deniedTools: [get-sum]}\n')
    await cli.mcp('tools', 'disable', 'echo')
    const text = await readFile(toolsFile(cli), 'utf8')
    expect(text).toContain('get-sum')
    expect(text).not.toContain('echo')
    await cli.mcp('tools', 'enable', 'echo')
    expect(await readFile(toolsFile(cli), 'utf8')).not.toContain('everything')
    await cli.gone()
  })

  test.for<[way: string]>([['--profile=pj'], ['--gateway-config=other.yaml']])(
    'write to the profile of the gateway that listed them: %s',
    async ([way]) => {
      await using cli = await withTwo()
      await cli.mcp('profile', 'create', '--name', 'pj')
      await cli.mcp('profile', 'server', 'add', 'pj', '--server', 'everything')
      const file = await cli.write('other.yaml', 'profile: pj\n')
      const flag = way.replace('other.yaml', file)
      await cli.mcp('tools', 'disable', 'echo', `--gateway-arg=${flag}`)
      await expect(readFile(toolsFile(cli))).rejects.toMatchObject({code: 'ENOENT'})
      expect(await readFile(join(cli.mcpDir, 'profiles', 'pj.yaml'), 'utf8')).toContain('get-sum')
      await cli.gone()
    },
  )

  test('do not write what was read from another file', async () => {
    await using cli = await withTwo()
    const file = await cli.write('more-tools.yaml', 'memory: [read_graph]\n')
    const {code, stderr} = await cli.run([
      'mcp',
      'tools',
      'disable',
      'echo',
      `--gateway-arg=--tools-config=${file}`,
    ])
    expect(code).toBe(125)
    expect(stderr).toContain(`tools come from ${file}`)
    await cli.gone()
  })

  test('ask whose tool is meant when two servers have it', async () => {
    await using cli = await dockerCli()
    const image = 'localhost/docker-mcp/everything:2026.8.31'
    const registry = {one: {image, disableNetwork: true}, two: {image, disableNetwork: true}}
    const file = await cli.write('two.yaml', JSON.stringify({name: 'two', registry}))
    const args = [`--gateway-arg=--catalog=${file},--servers=one,--servers=two`]
    const both = await cli.run(['mcp', 'tools', 'disable', 'echo', ...args])
    expect(both.stderr).toContain('one and two both have a tool "echo"')
    const meant = ['--server', 'two', `--gateway-arg=--catalog=${file}`]
    const one = await cli.run(['mcp', 'tools', 'disable', 'echo', ...meant])
    expect(one.stderr).toBe('disabled echo of two\n')
    await cli.gone()
  })
})

describe('what tools cost', () => {
  test('is told by server, in every format, and a budget warns', async () => {
    await using cli = await withTwo()
    const human = await cli.mcp('tools', 'ls', '--cost')
    expect(human).toMatch(
      /^SERVER +TOOLS +BYTES +TOKENS\nmemory +9 +[\d,]+ +~[\d,]+\neverything +13 /,
    )
    expect(human).toMatch(/^all +22 /m)
    const costs = JSON.parse(await cli.mcp('tools', 'ls', '--cost', '--format', 'json'))
    expect(costs).toEqual([
      {server: 'memory', tools: 9, bytes: expect.any(Number), tokens: expect.any(Number)},
      {server: 'everything', tools: 13, bytes: expect.any(Number), tokens: expect.any(Number)},
    ])
    const rows = JSON.parse(await cli.mcp('server', 'ls', '--cost', '--format', 'json'))
    expect(rows).toMatchObject([
      {name: 'everything', tools: 13, bytes: costs[1].bytes, tokens: costs[1].tokens},
      {name: 'memory', tools: 9},
    ])
    expect(await cli.mcp('server', 'ls', '--cost')).toMatch(
      /^NAME .* CONFIG +TOOLS +BYTES +TOKENS +DESCRIPTION\n/,
    )
    await cli.write('mcp-gateway-config.yaml', 'limits: {tools: 0}\n')
    expect((await cli.run(['mcp', 'tools', 'count'])).stderr).toBe('')
    const {stderr} = await cli.run(['mcp', 'tools', 'count', '--gateway-arg=--max-tools=20'])
    expect(stderr).toMatch(
      /^! Clients are shown 22 tools .* --max-tools 20\. The heaviest: memory 9 tools/,
    )
    await cli.gone()
  })
})
