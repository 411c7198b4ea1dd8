import {describe, expect, test} from 'vitest'
import type {JsonObject} from '../../../../src/lib/base/json.ts'
import {blockSecrets} from '../../../../src/lib/gateway/pipeline/block-secrets.ts'
import type {Call, Handler} from '../../../../src/lib/gateway/pipeline/call.ts'
import {failure, result} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {answering, callOf, SECRET} from '../../../support/calls.ts'

const blocked = (call: Call, value: JsonObject = {}) => blockSecrets()(answering(value))(call)

describe('blockSecrets', () => {
  test('lets through what holds no secret', async () => {
    const value = {content: [{type: 'text', text: 'ghp_ is how they begin'}]}
    expect(await blocked(callOf('tool', {arguments: {a: 'b'}}), value)).toEqual(result('id', value))
  })

  test('keeps a secret in arguments from the server', async () => {
    let isCalled = false
    const next: Handler = async call => {
      isCalled = true
      return result(call.request.id, {})
    }
    const call = callOf('tool', {name: 'thing', arguments: {deep: [{token: SECRET}]}})
    expect(await blockSecrets()(next)(call)).toEqual(
      result('id', {
        isError: true,
        content: [
          {
            type: 'text',
            text: expect.stringMatching(
              /^Blocked: a secret \(.+\) is being passed to tool thing\. .*--block-secrets=false/,
            ),
          },
        ],
      }),
    )
    expect(isCalled).toBe(false)
  })

  test('keeps a secret in a result from the client', async () => {
    const answer = await blocked(callOf('tool'), {content: [{type: 'text', text: `x ${SECRET}`}]})
    expect(answer).toMatchObject({result: {isError: true}})
    expect(JSON.stringify(answer)).toMatch(/is being returned by tool thing/)
  })

  test('keeps a secret in the error of a server from the client', async () => {
    const error = failure('id', 1, `bad token ${SECRET}`)
    const answer = await blockSecrets()(async () => error)(callOf('tool'))
    expect(JSON.stringify(answer)).not.toContain(SECRET)
  })

  test.each(['prompt', 'resource'] as const)(
    'refuses a %s with a protocol error, as there is no other',
    async kind => {
      const error = {code: -32603, message: expect.stringMatching(`${kind} thing`)}
      expect(await blocked(callOf(kind, {x: SECRET}))).toEqual({jsonrpc: '2.0', id: 'id', error})
      expect(await blocked(callOf(kind), {x: SECRET})).toEqual({jsonrpc: '2.0', id: 'id', error})
    },
  )

  test('never repeats the secret, not even as the name of a resource', async () => {
    const uri = `https://example.test/?key=${SECRET}`
    const calls = [
      await blocked(callOf('tool', {x: SECRET}), {x: SECRET}),
      await blocked(callOf('tool'), {x: SECRET}),
      await blocked(callOf('resource', {uri}, uri)),
      await blocked(callOf('resource', {}, uri), {x: SECRET}),
    ]
    for (const answer of calls) expect(JSON.stringify(answer)).not.toContain(SECRET)
    expect(JSON.stringify(calls[2])).toMatch(/is being passed to a resource\./)
  })
})
