import {expect} from 'vitest'
import type {LabArrival, LabStep} from '../../support/lab-client.ts'
import {httpWire, overHttp, overHttpAllTheWay, scenario, throughGateway} from '../scenario.ts'

const log = (data: string): LabStep => ({
  notify: {method: 'notifications/message', params: {level: 'info', data}},
})
const ask = (about: string): LabStep => ({
  ask: {method: 'roots/list', params: {about}},
  leave: true,
})
const progress: LabStep = {
  notify: {method: 'notifications/progress', params: {progressToken: '$token', progress: 1}},
}

/** What a message is, short. */
function gist({message}: LabArrival): unknown {
  const {about, data} = Object(message['params'])
  return about ?? data ?? message['method'] ?? 'answer'
}

const tool = (name: string, steps: readonly LabStep[]) => ({when: {name}, steps})

export const order = [
  scenario(
    'progress, logs and requests about a request come in the order of the server, the answer last',
    ['order:request'],
    async ({open}) => {
      const steps = [log('1'), progress, ask('3'), log('4'), ask('5'), progress, log('7')]
      const client = await open({
        capabilities: {roots: {}},
        script: {on: {'tools/call': [tool('talk', steps)]}},
      })
      const before = client.arrived.items.length
      await client.ask('tools/call', {name: 'talk', _meta: {progressToken: 't'}})
      expect(client.arrived.items.slice(before).map(gist)).toEqual([
        '1',
        'notifications/progress',
        '3',
        '4',
        '5',
        'notifications/progress',
        '7',
        'answer',
      ])
    },
  ),
  scenario(
    'a request is answered while an earlier one waits',
    ['order:independent'],
    async ({open}) => {
      const client = await open({
        script: {on: {'tools/call': [tool('wait', [{until: 'notifications/lab/go'}])]}},
      })
      const slow = client.request({id: 'slow', method: 'tools/call', params: {name: 'wait'}})
      await client.seen('tools/call')
      expect(await client.call('go')).toMatchObject({got: {name: 'go'}})
      expect(await client.ask('prompts/list')).toMatchObject({prompts: []})
      await client.send({method: 'notifications/lab/go'})
      expect(await slow).toMatchObject({id: 'slow', result: {got: {name: 'wait'}}})
    },
  ),
  scenario(
    'what belongs to a request arrives on its stream, everything else on the stream of the session',
    ['stream:request', 'stream:alone', 'stream:once'],
    async ({open}) => {
      const alone: LabStep = {
        alone: true,
        notify: {method: 'notifications/resources/updated', params: {uri: 'x:1', about: 'alone'}},
      }
      const client = await open({
        capabilities: {roots: {}},
        script: {on: {'tools/call': [tool('talk', [log('own'), ask('question'), alone])]}},
      })
      await client.request({id: 'mine', method: 'tools/call', params: {name: 'talk'}})
      const places = async (about: string) => {
        const {message} = await client.arrived.find(arrival => gist(arrival) === about)
        const same = client.arrived.items.filter(
          arrival => gist(arrival) === gist({message, stream: undefined}),
        )
        return same.map(({stream}) => stream)
      }
      expect(await places('own')).toEqual([{request: 'mine'}])
      expect(await places('question')).toEqual([{request: 'mine'}])
      expect(await places('alone')).toEqual(['alone'])
    },
    overHttp,
  ),
  scenario(
    'with two requests in flight, what a server over HTTP says about one arrives on its stream',
    ['stream:request'],
    async ({open}) => {
      const steps = [{until: 'notifications/lab/go'}, log('own'), ask('question')]
      const client = await open({
        capabilities: {roots: {}},
        script: {
          on: {
            'tools/call': [tool('older', steps), tool('newer', [{until: 'notifications/lab/end'}])],
          },
        },
      })
      await client.send({id: 'older', method: 'tools/call', params: {name: 'older'}})
      await client.seen('tools/call', 1)
      await client.send({id: 'newer', method: 'tools/call', params: {name: 'newer'}})
      await client.seen('tools/call', 2)
      await client.send({method: 'notifications/lab/go'})
      await client.answer('older')
      await client.send({method: 'notifications/lab/end'})
      await client.answer('newer')
      for (const about of ['own', 'question']) {
        const arrivals = client.arrived.items.filter(arrival => gist(arrival) === about)
        expect(arrivals.map(({stream}) => stream)).toEqual([{request: 'older'}])
      }
    },
    overHttpAllTheWay,
  ),
]

export const cancelling = [
  scenario(
    'a cancellation reaches the server with its reason, and the session goes on',
    ['cancel:to-server', 'cancel:unknown', 'broken:never'],
    async ({open}) => {
      const client = await open({
        script: {on: {'tools/call': [tool('never', [{until: 'notifications/never'}])]}},
      })
      const method = 'notifications/cancelled'
      const params = {requestId: 'gone', reason: 'Schluß 🛑', more: [1]}
      await client.send({id: 'gone', method: 'tools/call', params: {name: 'never'}})
      const [call] = await client.seen('tools/call')
      await client.send({method, params})
      expect(await client.seen(method)).toEqual([
        {jsonrpc: '2.0', method, params: {...params, requestId: call?.['id']}},
      ])
      await client.send({method, params: {requestId: 'odd'}})
      expect(await client.call('go')).toMatchObject({got: {name: 'go'}})
    },
  ),
  scenario(
    'a late answer to a cancelled request disturbs nobody',
    ['cancel:late-answer'],
    async ({open}) => {
      const client = await open({
        script: {
          on: {'tools/call': [tool('slow', [{until: 'notifications/cancelled'}])]},
        },
      })
      await client.send({id: 'slow', method: 'tools/call', params: {name: 'slow'}})
      await client.seen('tools/call')
      await client.send({method: 'notifications/cancelled', params: {requestId: 'slow'}})
      expect(await client.call('go')).toMatchObject({got: {name: 'go'}})
      expect(client.arrived.items.filter(({message}) => message['id'] === 'slow')).toEqual([])
    },
    throughGateway,
  ),
  scenario('a server cancels its own request', ['cancel:to-client'], async ({open}) => {
    const params = {requestId: 'q', reason: 'never mind', more: {a: 1}}
    const client = await open({
      capabilities: {roots: {}},
      script: {
        on: {
          'tools/call': [
            tool('moody', [
              {ask: {id: 'q', method: 'roots/list', params: {}}, leave: true},
              {notify: {method: 'notifications/cancelled', params}},
            ]),
          ],
        },
      },
    })
    expect(await client.call('moody')).toMatchObject({got: {name: 'moody'}})
    const {id, stream} = await client.asked('roots/list')
    const notice = await client.notice('notifications/cancelled')
    expect(notice).toEqual({
      message: {
        jsonrpc: '2.0',
        method: 'notifications/cancelled',
        params: {...params, requestId: id},
      },
      stream,
    })
    await client.send({id, result: {roots: []}})
    expect(await client.call('go')).toMatchObject({got: {name: 'go'}})
  }),
  scenario(
    'a request whose stream is lost goes on',
    ['cancel:not-lost'],
    async ({open}) => {
      const client = await open({
        script: {on: {'tools/call': [tool('wait', [{until: 'notifications/lab/go'}])]}},
      })
      await client.send({id: 'lost', method: 'tools/call', params: {name: 'wait'}})
      await client.seen('tools/call')
      httpWire(client).cut('lost')
      expect(await client.call('go')).toMatchObject({got: {name: 'go'}})
      await client.send({method: 'notifications/lab/go'})
      await client.call('go')
      expect(await client.seen('notifications/cancelled', 0)).toEqual([])
    },
    overHttp,
  ),
  scenario(
    'the end of a session gives up what it asked for',
    ['cancel:session-end'],
    async ({open, world: {stderr}, who}) => {
      const client = await open({
        script: {on: {'tools/call': [tool('endless', [{until: 'notifications/never'}])]}},
      })
      await client.send({id: 'e', method: 'tools/call', params: {name: 'endless'}})
      await client.seen('tools/call')
      const isEnd = (line: string) => line.endsWith(`: ${who} left tools/call endless`)
      const left = stderr.find(isEnd, stderr.items.filter(isEnd).length)
      await client[Symbol.asyncDispose]()
      expect(await left).toContain(who)
    },
  ),
]
