import {chmod, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {homedir, tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, test, vi} from 'vitest'
import * as z from 'zod'
import type {JsonObject} from '../../../src/lib/base/json.ts'
import type {EraClient} from '../../support/era-client.ts'
import {fixtureImage} from '../../support/fixture-images.ts'
import {testEngine} from '../../support/in-process-gateway.ts'
import {Inbox} from '../../support/inbox.ts'
import {LegacyClient} from '../../support/legacy-client.ts'
import {ModernClient} from '../../support/modern-client.ts'
import {startGateway, type Remote} from '../../support/worlds.ts'

const SERVER = 'cat-remote-tools'
const STDERR = new Inbox<string>()
let folder = ''
let gateway: Remote
let modern: EraClient
let legacy: EraClient

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cat-remote-'))
  await chmod(folder, 0o755)
  await writeFile(join(folder, 'note.txt'), 'buy milk')
  const image = await fixtureImage('runs-once')
  const container = (...command: string[]) => ({image, command})
  const text = {type: 'string', description: 'any text'}
  gateway = await startGateway(
    {
      [SERVER]: {
        type: 'poci',
        env: [{name: 'REGION', value: 'eu'}],
        disableNetwork: true,
        tools: [
          {
            name: 'show',
            description: 'shows what it was given',
            parameters: {type: 'object', properties: {text, list: {type: 'array', items: text}}},
            annotations: {readOnlyHint: true},
            container: container('show', '{{text}}', 'fix', '{{list|into}}'),
          },
          {
            name: 'fail',
            arguments: [{name: 'code', type: 'integer', desc: 'the exit code'}],
            container: container('fail', '{{code}}'),
          },
          {name: 'print', container: container('print', '{{count}}')},
          {name: 'hang', container: container('hang')},
          {
            name: 'read',
            container: {image, command: ['read', '/data/note.txt'], volumes: ['{{folder}}:/data']},
          },
          {name: 'lost', container: {image: 'localhost/docker-mcp-test/cat-remote-none:1'}},
        ],
      },
    },
    STDERR,
  )
  legacy = await LegacyClient.open(gateway.url, {})
  modern = new ModernClient(gateway.url, {})
})

afterAll(async () => {
  await legacy[Symbol.asyncDispose]()
  await modern[Symbol.asyncDispose]()
  await gateway[Symbol.asyncDispose]()
  await rm(folder, {recursive: true})
})

/** How many there are; a busy engine may take longer to remove one than the call that it was for waits for that. */
async function containers(): Promise<number> {
  const engine = await testEngine()
  return (await engine.list({'docker-mcp-name': SERVER})).length
}

const call = (name: string, args: JsonObject = {}, client = legacy) =>
  client.ask('tools/call', {name, arguments: args})

async function shown(args: JsonObject, client = legacy): Promise<JsonObject> {
  const {content} = await call('show', args, client)
  const [first] = Array.isArray(content) ? content : []
  const {text} = z.object({text: z.string()}).parse(first)
  return z.record(z.string(), z.json()).parse(JSON.parse(text))
}

describe('a set of tools', () => {
  test('lists them with the arguments that they take, and starts nothing for it', async () => {
    for (const client of [legacy, modern]) {
      expect((await client.ask('tools/list'))['tools']).toMatchObject([
        {
          name: 'show',
          description: 'shows what it was given',
          inputSchema: {properties: {text: {type: 'string', description: 'any text'}}},
          annotations: {readOnlyHint: true},
        },
        {
          name: 'fail',
          inputSchema: {
            type: 'object',
            properties: {code: {type: 'integer', description: 'the exit code'}},
            required: ['code'],
          },
        },
        {name: 'print', inputSchema: {type: 'object'}},
        {name: 'hang'},
        {name: 'read'},
        {name: 'lost'},
      ])
    }
    expect(await containers()).toBe(0)
  })

  test.each(['legacy', 'modern'] as const)('runs a container for a call: %s client', async era => {
    const client = era === 'legacy' ? legacy : modern
    expect(await shown({text: 'hello', list: ['a', 'b c']}, client)).toMatchObject({
      args: ['hello', 'fix', 'a', 'b c'],
      stdin: '',
      env: {REGION: 'eu'},
    })
    await expect.poll(containers).toBe(0)
  })

  test.each([
    '$(touch /tmp/x); `id` && echo "a" | cat > /dev/null',
    '$HOME ${REGION} $REGION',
    '{{list|first}} {{~}}',
    '--flag=\n second line',
    'ünï cödé 🎉',
  ])('gives an argument to the program as it is: %j', async text => {
    const {args} = await shown({text, list: ['z']})
    expect(args).toEqual([text, 'fix', 'z'])
  })

  test('refuses what no program can be given', async () => {
    expect(await call('show', {text: 'a\0b'})).toMatchObject({
      isError: true,
      content: [{text: expect.stringContaining('U+0000')}],
    })
  })

  test('tells of a program that fails, with all that it said', async () => {
    expect(await call('fail', {code: 3})).toEqual({
      isError: true,
      content: [
        {type: 'text', text: 'half of it\n'},
        {
          type: 'text',
          text: `server ${SERVER}: fail ended with exit code 3; on stderr it wrote last:\nwhat went wrong`,
        },
      ],
    })
  })

  test('names server and cause when the image is not there', async () => {
    expect(await call('lost')).toMatchObject({
      isError: true,
      content: [
        {text: expect.stringMatching(new RegExp(`server ${SERVER}.*cat-remote-none`, 'u'))},
      ],
    })
  })

  test('passes much output on, and refuses too much', async () => {
    const {content} = await call('print', {count: 1_000_000})
    expect(content).toEqual([{type: 'text', text: 'x'.repeat(1_000_000)}])
    expect(await call('print', {count: 70 * 1024 * 1024})).toMatchObject({
      isError: true,
      content: [{text: expect.stringContaining('--max-message-size')}],
    })
    await expect.poll(containers).toBe(0)
  })

  test.each(['legacy', 'modern'] as const)(
    'removes the container of a call that is given up: %s',
    async era => {
      const leave = new AbortController()
      const client = era === 'legacy' ? legacy : modern
      const before = STDERR.items.filter(line => line.endsWith(': hangs')).length
      const asked = client.ask('tools/call', {name: 'hang'}, {signal: leave.signal})
      asked.catch(() => undefined)
      await STDERR.find(line => line.endsWith(': hangs'), before)
      await expect.poll(containers).toBe(1)
      leave.abort()
      await vi.waitUntil(async () => (await containers()) === 0, {timeout: 60_000})
    },
  )

  test('may take longer than a call may be silent, as long as it prints', async () => {
    const image = await fixtureImage('runs-once')
    const tools = [{name: 'talk', container: {image, command: ['talk']}}]
    await using talking = await startGateway(
      // The container's start is part of the silence.
      {'cat-remote-talks': {type: 'poci', disableNetwork: true, callTimeout: 20, tools}},
      new Inbox<string>(),
    )
    await using client = await LegacyClient.open(talking.url, {})
    expect(await call('talk', {}, client)).toEqual({
      content: [{type: 'text', text: 'talks\n'.repeat(10)}],
    })
  })

  test('mounts what a call names, read-only and nowhere else', async () => {
    expect(await call('read', {folder})).toEqual({content: [{type: 'text', text: 'buy milk'}]})
    for (const other of [`${folder}:/other:rw`, join(homedir(), '.ssh'), '/etc']) {
      expect(await call('read', {folder: other})).toMatchObject({isError: true})
    }
    await expect.poll(containers).toBe(0)
  })

  test('runs many calls at once, each on its own', async () => {
    const texts = Array.from({length: 24}, (_, at) => `call ${at}`)
    const all = await Promise.all(texts.map(text => shown({text, list: ['z']})))
    expect(all.map(({args}) => args)).toEqual(texts.map(text => [text, 'fix', 'z']))
    await expect.poll(containers).toBe(0)
  })
})
