import {describe, expect, test} from 'vitest'
import {splitFilter} from '../../../../src/lib/gateway/modern/split-filter.ts'

const router = {
  owners: async (uri: string) =>
    uri === 'a:marked'
      ? [{server: 'a', own: 'a:own'}]
      : [
          {server: 'a', own: uri},
          {server: 'b', own: uri},
        ],
  task: (id: string) => (id === 'b~1' ? {server: 'b', own: '1'} : undefined),
}

describe('what servers are asked to tell', () => {
  test('is the filter as it is when there is one server', async () => {
    const filter = {toolsListChanged: true, 'com.example/more': {x: 1}}
    expect(await splitFilter(filter, ['a'], router)).toEqual(new Map([['a', filter]]))
  })

  test('is of the lists for all, and of what is named for its owners, in their words', async () => {
    const filter = {
      toolsListChanged: true,
      promptsListChanged: false,
      resourceSubscriptions: ['a:marked', 'any:where'],
      taskIds: ['b~1', 'nobody'],
    }
    expect(await splitFilter(filter, ['a', 'b'], router)).toEqual(
      new Map([
        ['a', {toolsListChanged: true, resourceSubscriptions: ['a:own', 'any:where']}],
        ['b', {toolsListChanged: true, resourceSubscriptions: ['any:where'], taskIds: ['1']}],
      ]),
    )
  })

  test('is nothing for servers that it concerns in nothing', async () => {
    expect(await splitFilter({taskIds: ['b~1']}, ['a', 'b'], router)).toEqual(
      new Map([['b', {taskIds: ['1']}]]),
    )
    expect(await splitFilter({resourceSubscriptions: 'no list'}, ['a', 'b'], router)).toEqual(
      new Map(),
    )
  })
})
