import * as fc from 'fast-check'
import {afterEach, describe, expect, test} from 'vitest'
import {isJsonObject, type Json, type JsonObject} from '../../src/lib/base/json.ts'
import {
  isRequest,
  isResponse,
  isUnusable,
  notification,
  request,
  result,
  type Id,
  type Message,
} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {parseMessage} from '../../src/lib/gateway/wire/parse.ts'
import {connectedClient, type FakeClient} from '../support/fake-client.ts'
import {fakeServer, toolScript} from '../support/fake-upstream.ts'
import {governed} from './governed.ts'
import {anyText, expectUnpolluted} from './hostile.ts'
import {behaviour, hostileServer, type Behaviour} from './hostile-server.ts'

/** A session with a hostile server and, behind it, one that is as it should be and has the tool `right`. */
async function hostileSession(
  how: Behaviour,
): Promise<{client: FakeClient; sayUnasked: () => void}> {
  const {open, sayUnasked} = hostileServer(how)
  const client = await connectedClient(
    {
      servers: {bad: {...fakeServer(), open}, good: fakeServer(toolScript('right'))},
      govern: governed,
      // Nobody in memory needs a timer's turn to answer, unless it never does.
      patienceMs: 1,
      startTimeoutMs: 1,
    },
    {capabilities: {roots: {}, sampling: {}, elicitation: {}}},
  )
  return {client, sayUnasked}
}

const PROGRESS_TOKEN = 'mine'

/** Everything that the session is asked in one run, with what it lists put in. */
function questions(tools: readonly Json[]): readonly [string, JsonObject][] {
  const _meta = {progressToken: PROGRESS_TOKEN}
  const names = tools.slice(0, 5).map(tool => (isJsonObject(tool) ? tool['name'] : undefined))
  return [
    ...names.map((name): [string, JsonObject] => ['tools/call', {name, _meta}]),
    ['prompts/get', {name: 'ok'}],
    ['resources/read', {uri: 'a:1', _meta}],
    ['resources/subscribe', {uri: 'a:1'}],
    ['completion/complete', {ref: {type: 'ref/prompt', name: 'ok'}}],
    ['completion/complete', {ref: {type: 'ref/resource', uri: 'a:1'}}],
    ['logging/setLevel', {level: 'debug'}],
  ]
}

/** Asks all of it; what the hostile server never answers is given up. Gives the ids of all that was not. */
async function askAll(client: FakeClient, all: readonly [string, JsonObject][]): Promise<Id[]> {
  const ids = all.map((_, at) => `ask-${at}`)
  for (const [at, [method, params]] of all.entries()) {
    client.session.receive(request(`ask-${at}`, method, params))
  }
  // Lists that are still to be read are waited for no longer than patience lasts.
  await client.ask('resources/list')
  await client.ask('resources/templates/list')
  await new Promise(setImmediate)
  const kept = ids.filter(id => answersTo(client, id) > 0)
  for (const id of ids) {
    client.session.receive(notification('notifications/cancelled', {requestId: id}))
  }
  await client.session.idle()
  return kept
}

function answersTo({arrived}: FakeClient, id: Id): number {
  return arrived.items.filter(({message}) => isResponse(message) && message.id === id).length
}

/** Fails unless every message is one that the client can make sense of. */
function expectSound(client: FakeClient): void {
  const messages = client.arrived.items.map(({message}) => message)
  for (const message of messages)
    expect(isUnusable(parseMessage(JSON.stringify(message)))).toBe(false)
  const asked = messages.filter(isRequest).map(({id}) => id)
  expect(asked).toEqual(asked.map((_, at) => `g-${at + 1}`))
  const tokens = messages.flatMap(tokenOf)
  expect(tokens).toEqual(tokens.map(() => PROGRESS_TOKEN))
  const answered = messages.filter(isResponse).map(({id}) => id)
  expect(new Set(answered).size).toBe(answered.length)
}

function tokenOf(message: Message): Json[] {
  const {method, params} = message
  if (isRequest(message) || method !== 'notifications/progress') return []
  return [isJsonObject(params) ? (params['progressToken'] ?? null) : null]
}

async function expectGoodServer(client: FakeClient): Promise<void> {
  const {tools} = await client.ask('tools/list')
  expect(tools).toContainEqual({name: 'right', inputSchema: {type: 'object'}})
  const params = {name: 'right', arguments: {x: 1}}
  expect(await client.ask('tools/call', params)).toMatchObject({
    structuredContent: {called: params},
  })
  expect(await client.ask('ping')).toEqual({})
}

afterEach(expectUnpolluted)

describe('whatever a server says', () => {
  test('the client gets sound messages and one answer at most to each request, and other servers work on', async () => {
    await fc.assert(
      fc.asyncProperty(behaviour, fc.array(anyText, {maxLength: 4}), async (how, answers) => {
        const {client, sayUnasked} = await hostileSession(how)
        const {tools} = await client.ask('tools/list')
        sayUnasked()
        for (const {message} of client.arrived.items) {
          if (isRequest(message)) client.session.receive(result(message.id, {}))
        }
        for (const text of answers) {
          const message = parseMessage(text)
          if (!isUnusable(message) && isResponse(message)) client.session.receive(message)
        }
        const kept = await askAll(client, questions(Array.isArray(tools) ? tools : []))
        sayUnasked()
        expect(kept.map(id => answersTo(client, id))).toEqual(kept.map(() => 1))
        await expectGoodServer(client)
        await client.session.close()
        expectSound(client)
        expect(client.isClosed).toBe(true)
      }),
      // A run that hangs is told with what it was made of.
      {numRuns: 200, timeout: 60_000},
    )
  })
})
