import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {createInterface} from 'node:readline'

import {describe, expect, test} from 'vitest'

import {linkedLibraries, recipeKey} from '../../scripts/image.ts'
import {capture} from '../../scripts/process.ts'
import {buildSamples, importFixture} from '../../scripts/samples.ts'

const INITIALIZE = {
  protocolVersion: '2025-06-18',
  capabilities: {},
  clientInfo: {name: 'samples-test', version: '1'},
}

/** Runs an image, initializes it, asks one more thing, and ends it by ending its stdin. */
async function ask(
  runArgs: readonly string[],
  method: string,
  params: Record<string, unknown>,
): Promise<string> {
  const child = spawn('docker', ['run', '-i', '--rm', '--network', 'none', ...runArgs], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const exit = once(child, 'exit')
  const send = (message: object) =>
    child.stdin.write(`${JSON.stringify({jsonrpc: '2.0', ...message})}\n`)
  send({id: 1, method: 'initialize', params: INITIALIZE})
  let answer = ''
  for await (const line of createInterface({input: child.stdout})) {
    const message = JSON.parse(line)
    if (message.id === 1) {
      send({method: 'notifications/initialized'})
      send({id: 2, method, params})
    }
    if (message.id === 2) {
      answer = line
      child.stdin.end()
    }
  }
  await exit
  return answer
}

describe('the samples', () => {
  test('are left alone when they are current', async () => {
    const lines: string[] = []
    await buildSamples(line => lines.push(line))
    lines.length = 0
    const samples = await buildSamples(line => lines.push(line))
    expect(lines).toEqual([])
    expect(samples.map(({name}) => name)).toEqual([
      'everything',
      'filesystem',
      'memory',
      'sequentialthinking',
    ])
  })

  test.for([
    ['everything', 'echo', []],
    ['filesystem', 'read_file', ['/files']],
    ['memory', 'create_entities', []],
    ['sequentialthinking', 'sequentialthinking', []],
  ] as const)('%s lists its tool %s', async ([name, tool, args]) => {
    const samples = await buildSamples(() => undefined)
    const image = samples.find(sample => sample.name === name)?.image ?? ''
    expect(await ask([image, ...args], 'tools/list', {})).toContain(`"name":"${tool}"`)
  })

  test('memory writes to a volume that takes its owner from the image', async () => {
    const samples = await buildSamples(() => undefined)
    const image = samples.find(({name}) => name === 'memory')?.image ?? ''
    const volume = (await capture('docker', ['volume', 'create'])).stdout.trim()
    try {
      const entities = [{name: 'otter', entityType: 'animal', observations: ['swims']}]
      const mounted = ['-v', `${volume}:/data`, image]
      const call = {name: 'create_entities', arguments: {entities}}
      await ask(mounted, 'tools/call', call)
      const graph = await ask(mounted, 'tools/call', {name: 'read_graph', arguments: {}})
      expect(graph).toContain('otter')
    } finally {
      await capture('docker', ['volume', 'rm', volume])
    }
  })

  test('have no shell', async () => {
    const [sample] = await buildSamples(() => undefined)
    const run = ['run', '--rm', '--entrypoint', '/bin/sh', sample?.image ?? '', '-c', 'true']
    expect((await capture('docker', run)).code).toBe(127)
  })
})

const run = async (image: string) => (await capture('docker', ['run', '--rm', image])).stdout

describe('importFixture', () => {
  test('makes an image of one file, and a new one when the file changes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fixture-'))
    const name = `import-fixture-${process.pid}`
    const source = join(folder, 'hello.mjs')
    try {
      await writeFile(source, 'console.log(`hello from ${process.getuid()}`)')
      const image = await importFixture(name, source)
      expect(image).toBe(`localhost/docker-mcp-test/${name}:latest`)
      expect(await run(image)).toBe('hello from 1000\n')
      await writeFile(source, 'console.log(`bye`)')
      const [one, other] = await Promise.all([
        importFixture(name, source),
        importFixture(name, source),
      ])
      expect(one).toBe(other)
      expect(await run(image)).toBe('bye\n')
    } finally {
      await capture('docker', ['image', 'rm', `localhost/docker-mcp-test/${name}:latest`])
      await rm(folder, {recursive: true})
    }
  })
})

describe('linkedLibraries', () => {
  test('gives the loader and the libraries, not the kernel’s own', () => {
    const listing = [
      '\tlinux-vdso.so.1 (0x00007f68a6742000)',
      '\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f68a6642000)',
      '\t/lib64/ld-linux-x86-64.so.2 (0x00007f68a6744000)',
      '',
    ].join('\n')
    expect(linkedLibraries(listing)).toEqual([
      '/lib/x86_64-linux-gnu/libm.so.6',
      '/lib64/ld-linux-x86-64.so.2',
    ])
  })
})

const stage = async () => undefined

describe('recipeKey', () => {
  test('differs when the Dockerfile or an ingredient differs', () => {
    const recipe = {image: 'a', dockerfile: 'FROM b', ingredients: ['1', '2'], stage}
    const keys = [
      recipe,
      {...recipe, dockerfile: 'FROM c'},
      {...recipe, ingredients: ['12']},
      {...recipe, image: 'b'},
    ].map(recipeKey)
    expect(new Set(keys).size).toBe(4)
    expect(recipeKey({...recipe})).toBe(keys[0])
  })
})
