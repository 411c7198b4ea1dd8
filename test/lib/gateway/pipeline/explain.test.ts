import {describe, expect, test} from 'vitest'
import {PluginError} from '../../../../src/lib/base/errors.ts'
import type {Call} from '../../../../src/lib/gateway/pipeline/call.ts'
import {explainFailures, pluginFailure} from '../../../../src/lib/gateway/pipeline/explain.ts'
import {failure, result} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {callOf} from '../../../support/calls.ts'

const refused = (kind: Call['kind'], error: Error) =>
  explainFailures()(() => Promise.reject(error))(callOf(kind))

describe('explainFailures', () => {
  const error = new PluginError('ENGINE_UNREACHABLE', 'no Docker engine answers', {
    hint: 'start it',
  })

  test('gives a model the server, the cause and the next step as a failed result', async () => {
    expect(await refused('tool', error)).toEqual(
      result('id', {
        isError: true,
        content: [{type: 'text', text: 'server demo: no Docker engine answers (start it)'}],
      }),
    )
  })

  test.each(['prompt', 'resource'] as const)('gives an error for a %s', async kind => {
    expect(await refused(kind, error)).toEqual(
      failure('id', -32603, 'server demo: no Docker engine answers (start it)', {
        server: 'demo',
        reason: 'ENGINE_UNREACHABLE',
      }),
    )
  })

  test('names the server once', async () => {
    const named = new PluginError('SERVER_START_FAILED', 'server demo ended with exit code 3')
    expect(await refused('prompt', named)).toMatchObject({
      error: {message: 'server demo ended with exit code 3'},
    })
  })

  test('leaves alone what is no refusal of this program, and every answer', async () => {
    const bug = new TypeError('a bug')
    await expect(refused('tool', bug)).rejects.toBe(bug)
    const answer = failure('id', -32042, 'open this', {elicitations: []})
    expect(await explainFailures()(async () => answer)(callOf('tool'))).toBe(answer)
  })

  test('without a known server there is only the reason', () => {
    expect(pluginFailure(0, new PluginError('USAGE', 'no'))).toEqual(
      failure(0, -32603, 'no', {reason: 'USAGE'}),
    )
  })
})
