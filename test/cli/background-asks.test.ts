import {Client} from '@modelcontextprotocol/sdk/client/index.js'
import {StdioClientTransport} from '@modelcontextprotocol/sdk/client/stdio.js'
import {
  CallToolResultSchema,
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  type ElicitResult,
} from '@modelcontextprotocol/sdk/types.js'
import {expect, test} from 'vitest'

import {ANSWERS, CAPABILITIES, textOf} from '../clients/peer.ts'
import {backgroundCli, oneOf} from '../support/background-cli.ts'
import type {DockerCli} from '../support/docker-cli.ts'

interface Asked extends AsyncDisposable {
  /** Who answers what the server asks the user. */
  elicit: (isOver: AbortSignal) => ElicitResult | Promise<ElicitResult>
  call(tool: string, args?: Readonly<Record<string, unknown>>): Promise<string>
}

/** A client of sessions that can be asked, connected by `docker mcp gateway connect`. */
async function connectAsked(cli: DockerCli): Promise<Asked> {
  const client = new Client({name: 'asked', version: '1'}, {capabilities: CAPABILITIES})
  client.setRequestHandler(CreateMessageRequestSchema, () => ANSWERS.sampling)
  client.setRequestHandler(ElicitRequestSchema, (_, {signal}) => asked.elicit(signal))
  const args = ['mcp', 'gateway', 'connect']
  const env = {...cli.env}
  await client.connect(new StdioClientTransport({command: 'docker', args, env, stderr: 'ignore'}))
  const asked: Asked = {
    elicit: () => ANSWERS.elicitation,
    async call(name, given = {}) {
      const params = {name, arguments: given}
      const {content} = await client.request({method: 'tools/call', params}, CallToolResultSchema)
      return textOf(content)
    },
    [Symbol.asyncDispose]: () => client.close(),
  }
  return asked
}

async function isAskedAll(asked: Asked): Promise<void> {
  const sampled = asked.call('trigger-sampling-request', {prompt: 'The capital?', maxTokens: 9})
  const elicited = asked.call('trigger-elicitation-request')
  expect(await sampled).toContain('"text": "Paris"')
  expect(await elicited).toContain('Otter')
}

test('what a server asks its client passes gateway connect, before and after kill -9', async () => {
  await using cli = await backgroundCli()
  await cli.mcp('server', 'enable', 'everything')
  await using asked = await connectAsked(cli)
  await isAskedAll(asked)

  const {pid} = await oneOf(cli)
  const shown = Promise.withResolvers<AbortSignal>()
  const late = Promise.withResolvers<ElicitResult>()
  asked.elicit = isOver => {
    shown.resolve(isOver)
    return late.promise
  }
  const outcome = asked.call('trigger-elicitation-request').then(() => 'an answer', String)
  const isOver = await shown.promise
  process.kill(pid, 'SIGKILL')
  expect(await outcome).toContain('tools/call: the gateway ended before it answered')
  // The question on the user's screen goes, and what the user says to it reaches nobody.
  await expect.poll(() => isOver.aborted).toBe(true)
  late.resolve({action: 'decline'})
  asked.elicit = () => ANSWERS.elicitation
  await isAskedAll(asked)
  expect((await oneOf(cli)).pid).not.toBe(pid)
})
