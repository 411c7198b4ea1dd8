import {describe, expect, test} from 'vitest'

import {isJsonObject, type JsonObject} from '../../../../src/lib/base/json.ts'
import {Conversation} from '../../../../src/lib/gateway/background/conversation.ts'

interface Lab {
  readonly talk: Conversation
  resumed: number
  readonly refused: string[]
  /** What has come to the client, or to the gateway, since it was last asked. */
  client(): readonly JsonObject[]
  gateway(): readonly JsonObject[]
  says(message: object): void
  hears(message: object): void
}

function lab(): Lab {
  const toClient: string[] = []
  const toGateway: string[] = []
  const refused: string[] = []
  const talk = new Conversation({
    toClient: line => void toClient.push(line),
    toGateway: line => void toGateway.push(line),
    onResumed: () => void (it.resumed += 1),
    onRefused: why => void refused.push(why),
  })
  const it: Lab = {
    talk,
    resumed: 0,
    refused,
    client: () => objects(toClient.splice(0)),
    gateway: () => objects(toGateway.splice(0)),
    says: message => talk.fromClient(JSON.stringify({jsonrpc: '2.0', ...message})),
    hears: message => talk.fromGateway(JSON.stringify({jsonrpc: '2.0', ...message})),
  }
  return it
}

function objects(lines: readonly string[]): readonly JsonObject[] {
  return lines.map(line => {
    const value: unknown = JSON.parse(line)
    return isJsonObject(value) ? value : {line}
  })
}

const HELLO = {
  id: 'a',
  method: 'initialize',
  params: {protocolVersion: '2025-11-25', capabilities: {sampling: {}}, clientInfo: {name: 'me'}},
}
const WELCOME = {id: 'a', result: {capabilities: {tools: {listChanged: true}, prompts: {}}}}

/** A client that has a session. */
function open(): Lab {
  const it = lab()
  it.talk.resume()
  it.says(HELLO)
  it.hears(WELCOME)
  it.says({method: 'notifications/initialized'})
  it.client()
  it.gateway()
  return it
}

describe('a conversation', () => {
  test('passes lines as they are', () => {
    const lines: string[] = []
    const talk = new Conversation({
      toClient: line => void lines.push(line),
      toGateway: line => void lines.push(line),
      onResumed: () => undefined,
      onRefused: () => undefined,
    })
    const odd = '{"id": 1.0, "jsonrpc":"2.0","method":"x","params":{"big":12345678901234567890}}'
    talk.fromClient(odd)
    talk.fromClient('no JSON')
    talk.fromGateway('{"jsonrpc":"2.0", "method":"n"}')
    expect(lines).toEqual([odd, 'no JSON', '{"jsonrpc":"2.0", "method":"n"}'])
  })

  test('tells the next gateway what the one before it knew, and the client that lists may differ', () => {
    const it = open()
    it.says({id: 1, method: 'logging/setLevel', params: {level: 'debug'}})
    it.hears({id: 1, result: {}})
    it.says({id: 2, method: 'resources/subscribe', params: {uri: 'x:a'}})
    it.hears({id: 2, result: {}})
    it.says({id: 3, method: 'resources/subscribe', params: {uri: 'x:b'}})
    it.hears({id: 3, result: {}})
    it.says({id: 4, method: 'resources/unsubscribe', params: {uri: 'x:a'}})
    it.hears({id: 4, result: {}})
    it.says({id: 5, method: 'logging/setLevel', params: {level: 'nonsense'}})
    it.hears({id: 5, error: {code: -32602, message: 'no'}})
    it.client()
    it.gateway()

    it.talk.lost('gone')
    it.resumed = 0
    it.talk.resume()
    const [hello, ...others] = it.gateway()
    expect(others).toEqual([])
    expect(hello).toMatchObject({method: 'initialize', params: HELLO.params})
    expect(it.resumed).toBe(0)
    it.hears({id: hello?.['id'], result: {capabilities: {}}})
    expect(it.gateway()).toMatchObject([
      {method: 'notifications/initialized'},
      {method: 'logging/setLevel', params: {level: 'debug'}},
      {method: 'resources/subscribe', params: {uri: 'x:b'}},
    ])
    expect(it.resumed).toBe(1)
    expect(it.client()).toMatchObject([
      {method: 'notifications/tools/list_changed'},
      {method: 'notifications/resources/updated', params: {uri: 'x:b'}},
    ])
  })

  test('answers what was under way, never sends it again, and forgets what was cancelled', () => {
    const it = open()
    it.says({id: 1, method: 'tools/call', params: {name: 'pay'}})
    it.says({id: 2, method: 'tools/call', params: {name: 'other'}})
    it.says({method: 'notifications/cancelled', params: {requestId: 2}})
    it.gateway()
    it.talk.lost('it was killed')
    expect(it.client()).toEqual([
      {jsonrpc: '2.0', id: 1, error: {code: -32603, message: 'tools/call: it was killed'}},
    ])
    it.talk.resume()
    expect(it.gateway()).toMatchObject([{method: 'initialize'}])
  })

  test('asks for lists again, answers pings, and tells when no gateway can be asked', () => {
    const it = open()
    it.says({id: 1, method: 'tools/list', params: {}})
    it.says({id: 2, method: 'resources/templates/list'})
    it.says({id: 3, method: 'ping'})
    it.says({id: 4, method: 'resources/read', params: {uri: 'x:a'}})
    it.gateway()
    it.talk.lost('gone')
    expect(it.client()).toMatchObject([
      {id: 3, result: {}},
      {id: 4, error: {message: 'resources/read: gone'}},
    ])
    expect(it.talk.isWanted).toBe(true)
    it.talk.resume()
    it.hears({id: it.gateway()[0]?.['id'], result: {}})
    expect(it.gateway()).toMatchObject([
      {method: 'notifications/initialized'},
      {id: 1, method: 'tools/list', params: {}},
      {id: 2, method: 'resources/templates/list'},
    ])
    it.hears({id: 1, result: {tools: []}})
    expect(it.client()).toContainEqual({jsonrpc: '2.0', id: 1, result: {tools: []}})
    it.talk.lost('gone')
    expect(it.client()).toEqual([])
    it.talk.giveUp('there is none')
    expect(it.client()).toMatchObject([{id: 2, error: {message: 'there is none'}}])
    expect(it.talk.isWanted).toBe(false)
  })

  test('begins anew with a client that was told that no gateway is there to greet it', () => {
    const it = lab()
    it.talk.resume()
    it.says(HELLO)
    it.talk.lost('gone')
    it.talk.giveUp('there is none')
    expect(it.client()).toMatchObject([{id: 'a', error: {message: 'there is none'}}])
    it.gateway()
    it.talk.resume()
    expect(it.gateway()).toEqual([])
  })

  test('sends initialize again that nobody has answered', () => {
    const it = lab()
    it.talk.resume()
    it.says(HELLO)
    it.gateway()
    it.talk.lost('gone')
    expect(it.client()).toEqual([])
    it.talk.resume()
    expect(it.gateway()).toEqual([{jsonrpc: '2.0', ...HELLO}])
    it.hears(WELCOME)
    expect(it.client()).toEqual([{jsonrpc: '2.0', ...WELCOME}])
  })

  test('never gives an answer to another gateway’s question', () => {
    const it = open()
    it.hears({id: 1, method: 'sampling/createMessage', params: {}})
    const [first] = it.client()
    it.talk.lost('gone')
    expect(it.client()).toMatchObject([
      {method: 'notifications/cancelled', params: {requestId: first?.['id']}},
    ])
    it.talk.resume()
    const [hello] = it.gateway()
    it.hears({id: hello?.['id'], result: {}})
    it.hears({id: 1, method: 'sampling/createMessage', params: {}})
    it.gateway()
    const second = it.client().find(({method}) => method === 'sampling/createMessage')
    it.says({id: first?.['id'], result: {late: true}})
    expect(it.gateway()).toEqual([])
    it.says({id: second?.['id'], result: {good: true}})
    expect(it.gateway()).toEqual([{jsonrpc: '2.0', id: 1, result: {good: true}}])
    it.hears({id: 7, method: 'roots/list'})
    const third = it.client()[0]?.['id']
    it.hears({method: 'notifications/cancelled', params: {requestId: 7}})
    expect(it.client()).toMatchObject([{params: {requestId: third}}])
  })

  test('listens on for a client without a session, and says what may have changed', () => {
    const it = lab()
    const META = {'io.modelcontextprotocol/subscriptionId': 'l'}
    const listen = {
      id: 'l',
      method: 'subscriptions/listen',
      params: {notifications: {toolsListChanged: true}},
    }
    const ack = {
      method: 'notifications/subscriptions/acknowledged',
      params: {notifications: {toolsListChanged: true}, _meta: META},
    }
    it.talk.resume()
    it.says(listen)
    it.hears(ack)
    expect(it.client()).toEqual([{jsonrpc: '2.0', ...ack}])
    it.gateway()
    // As a gateway ends that is stopped.
    it.hears({id: 'l', result: {resultType: 'complete'}})
    it.talk.lost('gone')
    expect(it.client()).toEqual([])
    it.talk.resume()
    expect(it.gateway()).toEqual([{jsonrpc: '2.0', ...listen}])
    it.hears(ack)
    expect(it.client()).toEqual([
      {jsonrpc: '2.0', method: 'notifications/tools/list_changed', params: {_meta: META}},
    ])
  })

  test('says why a gateway does not take the client again', () => {
    const it = open()
    it.talk.lost('gone')
    it.talk.resume()
    const [hello] = it.gateway()
    it.hears({id: hello?.['id'], error: {code: -32603, message: 'full'}})
    expect(it.refused).toEqual(['full'])
    it.talk.refuse(JSON.stringify({jsonrpc: '2.0', id: 9, method: 'ping'}), 'no engine')
    it.talk.refuse(JSON.stringify({jsonrpc: '2.0', method: 'note'}), 'no engine')
    expect(it.client()).toEqual([
      {jsonrpc: '2.0', id: 9, error: {code: -32603, message: 'no engine'}},
    ])
  })
})
