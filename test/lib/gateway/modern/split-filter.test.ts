import {describe, expect, test, vi} from 'vitest'
import {splitFilter, underAskedName} from '../../../../src/lib/gateway/modern/split-filter.ts'
import {notification} from '../../../../src/lib/gateway/wire/jsonrpc.ts'

const router = {
  owners: async (uris: readonly string[]) =>
    uris.map(uri =>
      uri === 'a:marked'
        ? [{server: 'a', own: 'a:own'}]
        : [
            {server: 'a', own: uri},
            {server: 'b', own: uri},
          ],
    ),
  task: (id: string) => (id === 'b~1' ? {server: 'b', own: '1'} : undefined),
}

const {signal} = new AbortController()
/** Nobody ever says whose a URI is. */
const unknown = () => new Promise<never>(() => undefined)

describe('what servers are asked to tell', () => {
  test('is the filter as it is when there is one server', async () => {
    const filter = {toolsListChanged: true, 'com.example/more': {x: 1}}
    expect(await splitFilter(filter, ['a'], {router, signal})).toEqual(
      new Map([['a', {filter, shown: new Map()}]]),
    )
  })

  test('is of the lists for all, and of what is named for its owners, in their words', async () => {
    const filter = {
      toolsListChanged: true,
      promptsListChanged: false,
      resourceSubscriptions: ['a:marked', 'any:where'],
      taskIds: ['b~1', 'nobody'],
    }
    expect(await splitFilter(filter, ['a', 'b'], {router, signal})).toEqual(
      new Map([
        [
          'a',
          {
            filter: {toolsListChanged: true, resourceSubscriptions: ['a:own', 'any:where']},
            shown: new Map([
              ['a:own', 'a:marked'],
              ['any:where', 'any:where'],
            ]),
          },
        ],
        [
          'b',
          {
            filter: {toolsListChanged: true, resourceSubscriptions: ['any:where'], taskIds: ['1']},
            shown: new Map([['any:where', 'any:where']]),
          },
        ],
      ]),
    )
  })

  test('is nothing for servers that it concerns in nothing', async () => {
    expect(await splitFilter({taskIds: ['b~1']}, ['a', 'b'], {router, signal})).toEqual(
      new Map([['b', {filter: {taskIds: ['1']}, shown: new Map()}]]),
    )
    expect(
      await splitFilter({resourceSubscriptions: 'no list'}, ['a', 'b'], {router, signal}),
    ).toEqual(new Map())
  })
})

const updated = (uri: string) => notification('notifications/resources/updated', {uri, more: 1})

describe('a thousand URIs that nobody is known to have', () => {
  const uris = Array.from({length: 1000}, (_, index) => `x:${index}`)

  test('are looked up together, each once', async () => {
    const owners = vi.fn<typeof router.owners>(router.owners)
    const filter = {resourceSubscriptions: [...uris, ...uris]}
    const routed = {router: {...router, owners}, signal}
    const split = await splitFilter(filter, ['a', 'b'], routed)
    expect(owners.mock.calls).toEqual([[uris]])
    expect(split.get('b')?.filter).toEqual({resourceSubscriptions: uris})
  })

  test('are looked up for nobody when the client leaves', async () => {
    const leaving = new AbortController()
    const filter = {resourceSubscriptions: uris}
    const routed = {router: {...router, owners: unknown}, signal: leaving.signal}
    const split = splitFilter(filter, ['a', 'b'], routed)
    leaving.abort(new Error('gone'))
    await expect(split).rejects.toThrow('gone')
  })
})

describe('news of a resource', () => {
  const part = {filter: {}, shown: new Map([['a:own', 'a:marked']])}

  test('has the name that the client listens for', () => {
    expect(underAskedName(part, updated('a:own'))).toEqual(updated('a:marked'))
    const same = updated('a:same')
    const own = {filter: {}, shown: new Map([['a:same', 'a:same']])}
    expect(underAskedName(own, same)).toBe(same)
  })

  test('is left to others when the client listens for something else', () => {
    expect(underAskedName(part, updated('a:other'))).toBeUndefined()
    expect(underAskedName(undefined, updated('a:own'))).toBeUndefined()
    expect(underAskedName(part, notification('notifications/x', {uri: 'a:own'}))).toBeUndefined()
  })
})
