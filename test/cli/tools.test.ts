import {describe, expect, test} from 'vitest'
import {parse} from 'yaml'
import * as z from 'zod'

import {dockerCli, type DockerCli} from '../support/docker-cli.ts'

const toolSchema = z.object({name: z.string(), inputSchema: z.object({type: z.literal('object')})})
const resultSchema = z.object({content: z.array(z.object({type: z.string()}))})

async function withEverything(): Promise<DockerCli> {
  const cli = await dockerCli()
  await cli.mcp('server', 'enable', 'everything')
  return cli
}

describe('tools ls', () => {
  test('lists names and titles for people, and the whole for programs', async () => {
    await using cli = await withEverything()
    const human = await cli.mcp('tools', 'ls')
    expect(human).toMatch(/^13 tools:\n - echo - Echo Tool\n/)
    expect(await cli.mcp('tools', 'ls', '--format', 'list', '--version', '2')).toBe(human)
    const json: unknown = JSON.parse(await cli.mcp('tools', 'list', '--format', 'json'))
    expect(z.array(toolSchema).parse(json)).toHaveLength(13)
    expect(parse(await cli.mcp('tools', 'ls', '--format', 'yaml'))).toEqual(json)
    await cli.gone()
  })

  test('passes --gateway-arg on to the gateway', async () => {
    await using cli = await withEverything()
    const args = ['--gateway-arg=--servers=sequentialthinking,--log-calls=false']
    expect(await cli.mcp('tools', 'ls', ...args)).toMatch(/^1 tools:\n - sequentialthinking - /)
    const two = ['--gateway-arg', '--tools=echo', '--gateway-arg', '--static']
    const {stdout, stderr} = await cli.run(['mcp', 'tools', 'count', ...two])
    expect(stdout).toBe('1 tools\n')
    expect(stderr).toContain('! --static is not built yet')
  })

  test('says what to do when nothing is enabled', async () => {
    await using cli = await dockerCli()
    expect(await cli.run(['mcp', 'tools', 'ls'])).toEqual({
      code: 0,
      signal: null,
      stdout: '0 tools:\n',
      stderr: 'enable a server first: docker mcp server enable everything\n',
    })
  })
})

describe('tools count', () => {
  test('counts, in every format', async () => {
    await using cli = await withEverything()
    expect(await cli.mcp('tools', 'count')).toBe('13 tools\n')
    expect(JSON.parse(await cli.mcp('tools', 'count', '--format', 'json'))).toEqual({count: 13})
    expect(await cli.mcp('tools', 'count', '--format', 'yaml')).toBe('count: 13\n')
  })
})

describe('tools inspect', () => {
  test('says which arguments a tool takes and how to call it', async () => {
    await using cli = await withEverything()
    const human = await cli.mcp('tools', 'inspect', 'get-sum')
    expect(human).toContain('a (number, required)')
    expect(human).toContain('docker mcp tools call get-sum a=<number> b=<number>')
    const json = JSON.parse(await cli.mcp('tools', 'inspect', 'get-sum', '--format', 'json'))
    expect(toolSchema.parse(json).name).toBe('get-sum')
    expect(json).toHaveProperty('annotations')
  })
})

describe('tools call', () => {
  test('prints the text of the result, and on stderr how long it took', async () => {
    await using cli = await withEverything()
    const called = await cli.run(['mcp', 'tools', 'call', 'echo', 'message=hello there'])
    expect(called).toMatchObject({code: 0, stdout: 'Echo: hello there\n'})
    expect(called.stderr).toMatch(/^Tool call took: \d+ms\n$/)
    await cli.gone()
  })

  test('reads numbers, booleans and lists as the tool wants them', async () => {
    await using cli = await withEverything()
    expect(await cli.mcp('tools', 'call', 'get-sum', 'a=20', 'b=2.5')).toContain('22.5')
    const annotated = ['messageType=success', 'includeImage=true']
    const shown = await cli.mcp('tools', 'call', 'get-annotated-message', ...annotated)
    expect(shown).toMatch(/\[image: image\/png, \d+ characters of base64\]/)
  })

  test('prints the whole result as JSON and as YAML', async () => {
    await using cli = await withEverything()
    const call = ['tools', 'call', 'get-tiny-image', '--format']
    const json = resultSchema.parse(JSON.parse(await cli.mcp(...call, 'json')))
    expect(json.content.map(({type}) => type)).toContain('image')
    expect(resultSchema.parse(parse(await cli.mcp(...call, 'yaml')))).toEqual(json)
  })

  test("fails with the tool's own words when the tool fails", async () => {
    await using cli = await withEverything()
    const call = ['mcp', 'tools', 'call', 'get-resource-reference', 'resourceId=0']
    const failed = await cli.run(call)
    expect(failed).toMatchObject({code: 1, stdout: ''})
    expect(failed.stderr).toBe(
      'error calling tool get-resource-reference: Invalid resourceId: 0. Must be a finite positive integer.\n',
    )
    const json = await cli.run([...call, '--format', 'json'])
    expect(json).toMatchObject({code: 1, stderr: ''})
    expect(JSON.parse(json.stdout)).toMatchObject({error: {code: 'TOOL_FAILED'}})
    await cli.gone()
  })

  test('fails with what is wrong with the arguments, which are not sent', async () => {
    await using cli = await withEverything()
    const failed = await cli.run(['mcp', 'tools', 'call', 'echo', 'mesage=hi'])
    expect(failed).toMatchObject({code: 1, stdout: ''})
    expect(failed.stderr).toMatch(/^error calling tool echo: .*\n- message is missing.*mesage/)
    await cli.gone()
  })

  test('refuses a value that the tool cannot take, before the tool is called', async () => {
    await using cli = await withEverything()
    const failed = await cli.run(['mcp', 'tools', 'call', 'get-sum', 'a=1', 'b=two'])
    expect(failed).toMatchObject({code: 125, stdout: ''})
    expect(failed.stderr).toBe(
      'the argument b of get-sum must be a number\n  see what it takes: docker mcp tools inspect get-sum\n',
    )
  })

  test('suggests the nearest name for a tool that does not exist', async () => {
    await using cli = await withEverything()
    const failed = await cli.run(['mcp', 'tools', 'call', 'ecko', 'message=x'])
    expect(failed).toMatchObject({code: 1, stdout: ''})
    expect(failed.stderr).toContain('did you mean "echo"?')
  })
})
