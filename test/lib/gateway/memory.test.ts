import {mkdtemp, readdir, readFile, rm, stat, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {beforeEach, describe, expect, onTestFinished, test} from 'vitest'
import {createRedactor} from '../../../src/lib/base/redact.ts'
import {nameTable, ownNames} from '../../../src/lib/gateway/directory.ts'
import {Memory} from '../../../src/lib/gateway/memory.ts'

const plain = {protocolVersion: '2025-11-25', params: {capabilities: {}}}
const asking = {protocolVersion: '2025-11-25', params: {capabilities: {sampling: {}}}}
const ability = {capabilities: {tools: {}}, serverInfo: {name: 'x', version: '1'}}
const hello = {protocolVersion: '2024-11-05', ...ability}
const items = [{name: 'one', vendor: [1]}, {name: 'two'}]

let dir = ''
const warnings: string[] = []
const SECRET = 'hunter2-hunter2'

beforeEach(async () => {
  const parent = await mkdtemp(join(tmpdir(), 'memory-'))
  dir = join(parent, 'lists')
  warnings.length = 0
  now = 1_000_000
  onTestFinished(() => rm(parent, {recursive: true, force: true}))
})

let now = 0

/** The memory of a gateway that starts now, with servers by name and what they were made of. */
async function load(servers: Readonly<Record<string, string>>): Promise<Memory> {
  const memory = new Memory({
    dir,
    warn: text => void warnings.push(text),
    redact: createRedactor([SECRET]),
    now: () => now,
  })
  await memory.load(new Map(Object.entries(servers)))
  return memory
}

async function remember(server = 'a'): Promise<void> {
  const memory = await load({[server]: 'print'})
  memory.opened(server, plain, hello)
  memory.listed(server, plain, {kind: 'tools', items})
  await memory.saved()
}

const NOTHING = {hello: undefined, lists: {}, guesses: {}, isTrusted: false}

describe('Memory', () => {
  test('knows nothing at first', async () => {
    const memory = await load({a: 'print'})
    expect(memory.recall('a', plain)).toEqual(NOTHING)
    expect(memory.recall('unknown', plain)).toEqual(NOTHING)
  })

  test.each(['a', '../x', 'Ä/\\:*', '__proto__', 'x'.repeat(300)])(
    'tells the next gateway what a server answered: %s',
    async server => {
      await remember(server)
      const memory = await load({[server]: 'print'})
      expect(memory.recall(server, plain)).toMatchObject({
        hello,
        lists: {tools: items},
        isTrusted: true,
      })
      expect(warnings).toEqual([])
    },
  )

  test.each([
    ['hello', {...hello, instructions: `use ${SECRET}`}, items, {hello: undefined, lists: {}}],
    ['list', hello, [{name: 'one', description: SECRET}], {hello, lists: {}}],
    ['encoded list', hello, [{name: btoa(SECRET)}], {hello, lists: {}}],
  ])('keeps no %s with a secret in it, but for this gateway', async (_what, said, listed, kept) => {
    const memory = await load({a: 'print'})
    memory.opened('a', plain, said)
    memory.listed('a', plain, {kind: 'tools', items: listed})
    memory.named('tools', [[`a__${SECRET}`, {server: 'a', name: SECRET}]])
    memory.named('tools', [['a__one', {server: 'a', name: 'one'}]])
    expect(memory.recall('a', plain)).toMatchObject({hello: said, lists: {tools: listed}})
    await memory.saved()
    const later = await load({a: 'print'})
    expect(later.recall('a', plain)).toMatchObject(kept)
    expect(later.nameOf('tools', {server: 'a', name: SECRET})).toBeUndefined()
    expect(later.nameOf('tools', {server: 'a', name: 'one'})).toBe('a__one')
  })

  test('keeps its files to the user, in its folder', async () => {
    await remember('../a')
    const [file = '', ...others] = await readdir(dir)
    expect(others).toEqual([])
    expect((await stat(join(dir, file))).mode & 0o777).toBe(0o600)
  })

  test('shows a client a list that was made for one with other capabilities as a guess only, and what the server can do', async () => {
    await remember()
    expect((await load({a: 'print'})).recall('a', asking)).toEqual({
      hello: ability,
      lists: {},
      guesses: {tools: items},
      isTrusted: false,
    })
    expect((await load({a: 'print'})).recall('a', plain)).toMatchObject({
      lists: {tools: items},
      guesses: {},
    })
  })

  test('trusts what is a day old at most', async () => {
    await remember()
    const memory = await load({a: 'print'})
    now += 24 * 3_600_000 - 1
    expect(memory.recall('a', plain).isTrusted).toBe(true)
    now += 1
    expect(memory.recall('a', plain)).toMatchObject({
      hello,
      lists: {tools: items},
      isTrusted: false,
    })
    memory.listed('a', plain, {kind: 'tools', items})
    expect(memory.recall('a', plain).isTrusted).toBe(true)
    await memory.saved()
  })

  test('trusts no list of another image until the server has given it anew, also in later gateways', async () => {
    const first = await load({a: 'print'})
    first.hasImage('a', 'sha256:1')
    first.opened('a', plain, hello)
    first.listed('a', plain, {kind: 'tools', items})
    await first.saved()
    const second = await load({a: 'print'})
    expect(second.hasImage('a', 'sha256:1')).toBe(false)
    expect(second.recall('a', plain).isTrusted).toBe(true)
    expect(second.hasImage('a', 'sha256:2')).toBe(true)
    expect(second.recall('a', plain)).toMatchObject({
      hello,
      lists: {tools: items},
      isTrusted: false,
    })
    second.opened('a', plain, hello)
    expect(second.recall('a', plain).isTrusted).toBe(false)
    await second.saved()
    const third = await load({a: 'print'})
    expect(third.hasImage('a', 'sha256:2')).toBe(true)
    expect(third.recall('a', plain).isTrusted).toBe(false)
    third.listed('a', plain, {kind: 'tools', items})
    expect(third.recall('a', plain).isTrusted).toBe(true)
    await third.saved()
    expect((await load({a: 'print'})).hasImage('a', 'sha256:2')).toBe(false)
  })

  test('writes nothing down when a server says the same again', async () => {
    await remember()
    const memory = await load({a: 'print'})
    const [file = ''] = await readdir(dir)
    const before = await stat(join(dir, file))
    const {lists} = memory.recall('a', plain)
    memory.opened('a', plain, structuredClone(hello))
    memory.listed('a', plain, {kind: 'tools', items: lists.tools ?? []})
    await memory.saved()
    expect((await stat(join(dir, file))).ino).toBe(before.ino)
    now += 3_600_000
    memory.listed('a', plain, {kind: 'tools', items: lists.tools ?? []})
    await memory.saved()
    expect((await stat(join(dir, file))).ino).not.toBe(before.ino)
  })

  test('forgets lists of a server that is another one today, and keeps the names it was given', async () => {
    await remember()
    const memory = await load({a: 'print', b: 'print'})
    memory.named(
      'tools',
      nameTable([
        {server: 'b', items},
        {server: 'a', items},
      ]).owners,
    )
    await memory.saved()
    const next = await load({a: 'new print'})
    expect(next.recall('a', plain)).toEqual(NOTHING)
    expect(next.nameOf('tools', {server: 'a', name: 'one'})).toBe('a__one')
  })

  test('knows the name under which an item was shown last, whatever becomes of the server', async () => {
    await remember()
    const memory = await load({a: 'print'})
    memory.named('tools', ownNames('a', items))
    await memory.saved()
    const next = await load({a: 'new print'})
    expect(next.nameOf('tools', {server: 'a', name: 'one'})).toBe('one')
    expect(next.nameOf('tools', {server: 'a', name: 'three'})).toBeUndefined()
    expect(next.nameOf('prompts', {server: 'a', name: 'one'})).toBeUndefined()
    expect(next.nameOf('tools', {server: 'b', name: 'one'})).toBeUndefined()
  })

  test('keeps what two gateways have learnt at the same time', async () => {
    const [one, two] = [await load({a: 'print'}), await load({a: 'print'})]
    two.opened('a', asking, hello)
    two.named('tools', [['a__one', {server: 'a', name: 'one'}]])
    await two.saved()
    one.opened('a', plain, hello)
    one.listed('a', plain, {kind: 'tools', items})
    one.named('tools', [['two', {server: 'a', name: 'two'}]])
    await one.saved()
    const next = await load({a: 'print'})
    expect(next.nameOf('tools', {server: 'a', name: 'one'})).toBe('a__one')
    expect(next.nameOf('tools', {server: 'a', name: 'two'})).toBe('two')
    expect(next.recall('a', plain).lists).toEqual({tools: items})
    expect(next.recall('a', asking).hello).toEqual(hello)
  })

  test('keeps the lists that two gateways heard for the same kind of client, unless the image is another', async () => {
    const others = [await load({a: 'print'}), await load({a: 'print'})] as const
    const [first, second] = others
    const prompts = [{name: 'p'}]
    for (const memory of others) memory.opened('a', plain, hello)
    await Promise.all(others.map(memory => memory.saved()))
    first.listed('a', plain, {kind: 'tools', items})
    await first.saved()
    second.listed('a', plain, {kind: 'prompts', items: prompts})
    await second.saved()
    const known = (await load({a: 'print'})).recall('a', plain)
    expect(known).toMatchObject({lists: {tools: items, prompts}, isTrusted: true})

    const third = await load({a: 'print'})
    third.hasImage('a', 'sha256:2')
    third.listed('a', plain, {kind: 'tools', items: []})
    await third.saved()
    second.listed('a', plain, {kind: 'prompts', items: [...prompts]})
    await second.saved()
    expect((await load({a: 'print'})).recall('a', plain).lists).toEqual({prompts})
  })

  test('knows which eras a server speaks, until it is another one', async () => {
    const memory = await load({a: 'print'})
    expect(memory.speaks('a', 'legacy')).toBeUndefined()
    memory.learn('a', 'legacy', false)
    memory.learn('a', 'modern', true)
    memory.learn('unknown', 'modern', true)
    await memory.saved()
    const next = await load({a: 'print', unknown: 'print'})
    expect(next.speaks('a', 'legacy')).toBe(false)
    expect(next.speaks('a', 'modern')).toBe(true)
    expect(next.speaks('unknown', 'modern')).toBeUndefined()
    expect((await load({a: 'new print'})).speaks('a', 'modern')).toBeUndefined()
  })

  test('keeps what two gateways have learnt of eras, and what was learnt last', async () => {
    const first = await load({a: 'print'})
    first.learn('a', 'legacy', true)
    await first.saved()
    const [one, two] = [await load({a: 'print'}), await load({a: 'print'})]
    two.learn('a', 'legacy', false)
    await two.saved()
    one.learn('a', 'legacy', true)
    one.learn('a', 'modern', true)
    await one.saved()
    const next = await load({a: 'print'})
    expect(next.speaks('a', 'legacy')).toBe(false)
    expect(next.speaks('a', 'modern')).toBe(true)
  })

  test('keeps so many names, those that were given out last', async () => {
    const memory = await load({a: 'print'})
    const names = Array.from({length: 10_001}, (_, at) => `tool ${at}`)
    memory.named(
      'tools',
      names.map(name => [name, {server: 'a', name}] as const),
    )
    await memory.saved()
    const next = await load({a: 'print'})
    expect(next.nameOf('tools', {server: 'a', name: 'tool 0'})).toBeUndefined()
    expect(next.nameOf('tools', {server: 'a', name: 'tool 10000'})).toBe('tool 10000')
  })

  test('remembers a few kinds of clients, those that were there last', async () => {
    const memory = await load({a: 'print'})
    const clients = Array.from({length: 6}, (_, index) => ({
      protocolVersion: '2025-11-25',
      params: {capabilities: {experimental: {index}}},
    }))
    for (const client of clients) {
      memory.opened('a', client, hello)
      memory.listed('a', client, {kind: 'tools', items})
    }
    const known = clients.map(client => 'tools' in memory.recall('a', client).lists)
    expect(known).toEqual([false, false, true, true, true, true])
    await memory.saved()
  })

  test('keeps the last state when it changes while it is written', async () => {
    const memory = await load({a: 'print'})
    memory.opened('a', plain, hello)
    for (let round = 0; round < 20; round += 1) {
      memory.listed('a', plain, {kind: 'tools', items: [{name: `tool ${round}`}]})
      await Promise.resolve()
    }
    await memory.saved()
    const {lists} = (await load({a: 'print'})).recall('a', plain)
    expect(lists).toEqual({tools: [{name: 'tool 19'}]})
  })

  test('is not kept from a start by files that it cannot read', async () => {
    await remember()
    const [file = ''] = await readdir(dir)
    const whole = await readFile(join(dir, file), 'utf8')
    const bad = ['', '{', '[]', '{"server":"other"}', whole.slice(0, 50), 'x'.repeat(17 << 20)]
    for (const text of bad) {
      await writeFile(join(dir, file), text)
      expect((await load({a: 'print'})).recall('a', plain).lists).toEqual({})
    }
    const odd = {
      server: 'a',
      fingerprint: 'print',
      names: 5,
      clients: [null, {key: 1}],
      eras: {legacy: 1},
    }
    await writeFile(join(dir, file), JSON.stringify(odd))
    expect((await load({a: 'print'})).recall('a', plain).lists).toEqual({})
    expect((await load({a: 'print'})).speaks('a', 'legacy')).toBeUndefined()
  })

  test('does not keep a list that is too large for a file, but what else it knows', async () => {
    const memory = await load({a: 'print'})
    memory.opened('a', plain, hello)
    const large = [{name: 'one', description: 'x'.repeat(6 << 20)}]
    memory.listed('a', plain, {kind: 'tools', items: large})
    memory.named(
      'tools',
      nameTable([
        {server: 'b', items},
        {server: 'a', items},
      ]).owners,
    )
    await memory.saved()
    const next = await load({a: 'print'})
    expect(next.recall('a', plain).lists).toEqual({})
    expect(next.nameOf('tools', {server: 'a', name: 'one'})).toBe('a__one')
  })

  test('says when nothing can be kept', async () => {
    await writeFile(dir, 'a file where the folder was')
    const memory = await load({a: 'print'})
    memory.opened('a', plain, hello)
    await memory.saved()
    expect(warnings.join()).toMatch(/^! what server a lists could not be kept: cannot lock /)
  })
})
