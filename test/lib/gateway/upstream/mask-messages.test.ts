import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {PluginError} from '../../../../src/lib/base/errors.ts'
import {Redaction} from '../../../../src/lib/gateway/redaction.ts'
import {maskMessages} from '../../../../src/lib/gateway/upstream/mask-messages.ts'
import type {OpenUpstream, Upstream} from '../../../../src/lib/gateway/upstream/upstream.ts'
import {
  failure,
  notification,
  request,
  result,
  type Message,
} from '../../../../src/lib/gateway/wire/jsonrpc.ts'

const SECRET = 'top "secret"\nvalue'

const upstream: Upstream = {
  send: () => undefined,
  redact: text => text,
  closed: new Promise(() => undefined),
  [Symbol.asyncDispose]: async () => undefined,
}

/** What a client is given of what a server says. */
async function heard(
  said: Message,
  {maskSecrets = true, secrets = [SECRET]} = {},
): Promise<Message | undefined> {
  const redaction = new Redaction()
  redaction.learn(secrets)
  let told: Message | undefined
  const open: OpenUpstream = async ({onMessage}) => {
    onMessage(said, {request: 7})
    return upstream
  }
  const openers = {legacy: open, modern: open, tellsOrigin: true}
  const masked = maskMessages(openers, {maskSecrets, redaction})
  await masked.modern?.({
    session: 'one',
    signal: new AbortController().signal,
    onMessage: (message, origin) => {
      expect(origin).toEqual({request: 7})
      told = message
    },
  })
  return told
}

/** What a message was before its secrets were masked. */
function plain(one: unknown): unknown {
  return JSON.parse(
    JSON.stringify(one).replaceAll(
      '[secret]',
      SECRET.replaceAll('"', '\\"').replaceAll('\n', '\\n'),
    ),
  )
}

const blob = Buffer.from(`{"key": "${SECRET}"}`).toString('base64')

describe('maskMessages', () => {
  test('masks results: in texts, in names of members, in blobs, however deep', async () => {
    const said = result(1, {
      content: [
        {type: 'text', text: `it is ${SECRET}`},
        {type: 'resource', resource: {blob}},
      ],
      structuredContent: {deep: [[{[SECRET]: [JSON.stringify({a: SECRET}), 1, null, true]}]]},
    })
    const told = await heard(said)
    expect(told).toMatchObject({
      jsonrpc: '2.0',
      id: 1,
      result: {
        content: [{type: 'text', text: 'it is [secret]'}, {type: 'resource'}],
        structuredContent: {deep: [[{'[secret]': ['{"a":"[secret]"}', 1, null, true]}]]},
      },
    })
    expect(JSON.stringify(told)).toContain('[secret]')
    expect(Buffer.from(JSON.stringify(told), 'base64').toString()).not.toContain('secret"')
    expect(JSON.stringify(said)).toContain(JSON.stringify(SECRET).slice(1, -1))
  })

  test.each([
    failure(1, -32_603, `no: ${SECRET}`, {why: SECRET, httpStatus: 500}),
    request('a', 'elicitation/create', {message: SECRET}),
    request('b', 'sampling/createMessage', {messages: [{content: {text: SECRET}}]}),
    notification('notifications/message', {level: 'info', data: {env: SECRET}}),
    notification('notifications/progress', {progressToken: 3, message: SECRET}),
    {...notification('notifications/tools/list_changed'), extra: SECRET},
  ])('masks $method and errors', async said => {
    const told = await heard(said)
    expect(JSON.stringify(told)).not.toContain('top')
    expect(plain(told)).toEqual(said)
  })

  test('leaves the protocol its words, when values are such words', async () => {
    const words = ['text', 'tools', 'type', 'content', 'object', 'string', 'name', 'inputSchema']
    const secrets = [
      ...words,
      'properties',
      'result',
      'elicitation',
      'protocol',
      'error',
      'info',
      'arguments',
      'elicitations',
    ]
    const schema = {type: 'object', properties: {city: {type: ['string', 'null'], default: 'x'}}}
    for (const said of [
      result(1, {tools: [{name: 'find', inputSchema: schema, _meta: {x: 1}}]}),
      result(1, {content: [{type: 'text', text: 'a'}], isError: false}),
      notification('notifications/message', {level: 'info', data: 'a'}),
      request('a', 'elicitation/create', {mode: 'form', requestedSchema: schema}),
      result(1, {_meta: {'io.modelcontextprotocol/serverInfo': {name: 'a'}}}),
      result(1, {prompts: [{name: 'a', arguments: [{name: 'b', required: true}]}]}),
      failure(1, -32_042, 'no', {elicitations: [{mode: 'url', name: 'c'}]}),
      failure(1, -32_603, 'no', {a: 1}),
    ]) {
      expect(await heard(said, {secrets})).toEqual(said)
    }
  })

  test('masks such words where the server chooses them', async () => {
    const said = result(1, {
      content: [{type: 'text', text: 'a text'}],
      structuredContent: {text: 'x', type: 'text'},
      tools: [{inputSchema: {type: 'object', properties: {text: {type: 'text', enum: ['text']}}}}],
      _meta: {text: 1},
      'a-text': 1,
    })
    expect(await heard(said, {secrets: ['text']})).toMatchObject({
      result: {
        content: [{type: 'text', text: 'a [secret]'}],
        structuredContent: {'[secret]': 'x', type: '[secret]'},
        tools: [{inputSchema: {properties: {'[secret]': {type: 'text', enum: ['[secret]']}}}}],
        _meta: {'[secret]': 1},
        'a-[secret]': 1,
      },
    })
  })

  test.each([
    ['letters only', 'correcthorsebatterystaple'],
    ['the protocol’s prefix', 'io.modelcontextprotocol/battery'],
  ])('masks a secret of %s as a name anywhere', async (_what, secret) => {
    const own = {[secret]: {[secret]: 1}}
    for (const said of [
      result(1, own),
      result(1, {content: [{type: 'text', ...own, annotations: own}]}),
      result(1, {tools: [{name: 'find', inputSchema: {...own, properties: own}}]}),
      result(1, {structuredContent: {'io.modelcontextprotocol/serverInfo': own, _meta: own}}),
      result(1, {_meta: {...own, 'io.modelcontextprotocol/serverInfo': own}}),
      result(1, {prompts: [{name: 'a', arguments: [own]}]}),
      failure(1, -32_042, 'no', {...own, elicitations: [own]}),
      notification('notifications/message', {...own, data: own}),
      request('a', 'sampling/createMessage', {messages: [{content: {input: own}}]}),
    ]) {
      const told = JSON.stringify(await heard(said, {secrets: [secret]}))
      expect(told).not.toContain(secret)
      expect(told.replaceAll('[secret]', secret)).toBe(JSON.stringify(said))
    }
  })

  test('knows the protocol’s own members of _meta nowhere else', async () => {
    const info = {'io.modelcontextprotocol/serverInfo': {name: 'a'}}
    const said = result(1, {structuredContent: info, _meta: info})
    expect(await heard(said, {secrets: ['name', 'protocol']})).toMatchObject({
      result: {
        structuredContent: {'io.modelcontext[secret]/serverInfo': {'[secret]': 'a'}},
        _meta: info,
      },
    })
  })

  test('passes what has no secret as it is, whatever members it has', () =>
    fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async value => {
        const said = result(1, JSON.parse(JSON.stringify(value)))
        expect(JSON.stringify(await heard(said))).toBe(JSON.stringify(said))
      }),
      {numRuns: 50},
    ))

  test('touches nothing when it is switched off', async () => {
    const said = result(1, {text: SECRET})
    expect(await heard(said, {maskSecrets: false})).toBe(said)
  })

  test('masks why a server could not be opened, in any case', async () => {
    const redaction = new Redaction()
    redaction.learn([SECRET])
    const open: OpenUpstream = () =>
      Promise.reject(
        new PluginError('ENGINE_FAILED', `exec: "--key=${SECRET}": no such file`, {hint: SECRET}),
      )
    const {legacy} = maskMessages(
      {legacy: open, modern: undefined, tellsOrigin: false},
      {maskSecrets: false, redaction},
    )
    const {signal} = new AbortController()
    const opening = legacy({session: 'one', signal, onMessage: () => undefined})
    await expect(opening).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: 'exec: "--key=[secret]": no such file',
      hint: '[secret]',
    })
  })
})
