import {readdir, readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import {addCatalog, uniqueName} from '../support/cli-catalog.ts'
import {connectStdio} from '../support/cli-client.ts'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {loadImage, scratchImage} from '../support/special-images.ts'

const image = 'localhost/docker-mcp-test/many:latest'

let cli: DockerCli

beforeEach(async () => {
  cli = await dockerCli()
})

afterEach(async () => {
  await cli[Symbol.asyncDispose]()
})

/** Makes and enables so many servers, each of which has a tool that tells the server's name. */
async function enableMany(count: number): Promise<readonly string[]> {
  await loadImage(await scratchImage(image))
  const names = Array.from({length: count}, (_, index) => uniqueName(`many-${index}`))
  await addCatalog(
    cli,
    Object.fromEntries(
      names.map(name => [name, {image, prefix: name, command: [name], disableNetwork: true}]),
    ),
  )
  await cli.mcp('server', 'enable', ...names)
  return names
}

/** What a process has in memory, in MiB (proc(5), status, VmRSS). */
async function residentMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024
}

/** The files in which the gateways of this cli that run say so. */
async function records(): Promise<readonly string[]> {
  const folder = join(cli.mcpDir, 'state', 'gateways')
  const files = await readdir(folder).catch(() => [])
  return files.filter(file => file.endsWith('.json')).map(file => join(folder, file))
}

/** The process of the gateway that a client of this cli has started. */
async function gatewayPid(): Promise<number> {
  // It answers its client first.
  await expect.poll(records).toHaveLength(1)
  const [record = ''] = await records()
  return Number(Object(JSON.parse(await readFile(record, 'utf8')))['pid'])
}

describe('many servers', () => {
  test('thirty that are enabled and unused have no container, and list their tools', async () => {
    const names = await enableMany(30)
    {
      await using first = await connectStdio(cli, ['--idle-timeout', '1'])
      await expect.poll(() => first.toolNames()).toHaveLength(30)
      // They were started to see what they can do; nobody has used them.
      await cli.gone()
    }
    await expect.poll(records).toEqual([])
    await using second = await connectStdio(cli)
    const tools = await second.toolNames()
    expect(tools).toHaveLength(30)
    for (const name of names) expect(tools.some(tool => tool.startsWith(name))).toBe(true)
    expect(await cli.containers()).toEqual([])
    const mib = await residentMib(await gatewayPid())
    console.log(`a gateway with 30 unused servers: ${mib.toFixed(0)} MiB resident`)
    expect(mib).toBeLessThan(200)
    const [name = ''] = names
    expect(await second.text(`${name}__environment`, {})).toContain(name)
  })

  test('forty that are first used at once all serve, in one container each', async () => {
    const names = await enableMany(40)
    await using client = await connectStdio(cli)
    // A list does not wait for so many for as long as a busy machine takes to start them.
    await expect.poll(() => client.toolNames()).toHaveLength(40)
    const ask = (name: string) => client.text(`${name}__environment`, {})
    const answers = await Promise.all(names.map(ask))
    expect(names.filter((name, index) => !answers[index]?.includes(name))).toEqual([])
    expect(await cli.containers()).toHaveLength(40)
  })
})
