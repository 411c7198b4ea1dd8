import {Client} from '@modelcontextprotocol/sdk/client/index.js'
import {SSEClientTransport} from '@modelcontextprotocol/sdk/client/sse.js'
import {StdioClientTransport} from '@modelcontextprotocol/sdk/client/stdio.js'
import {StreamableHTTPClientTransport} from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type {Transport} from '@modelcontextprotocol/sdk/shared/transport.js'
import {
  CallToolResultSchema,
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ProgressNotificationSchema,
  ResourceListChangedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'

import {Inbox} from '../support/inbox.ts'
import {ANSWERS, CAPABILITIES, sharedPart, textOf, type Peer, type Target} from './peer.ts'
import {ProgressTokens} from './progress-tokens.ts'

/** Connects the client of the SDK's first generation. */
export async function connectV1(target: Target): Promise<Peer> {
  const client = new Client({name: 'sdk-v1', version: '1'}, {capabilities: CAPABILITIES})
  const logs: Peer['logs'] = new Inbox()
  const changes: Peer['changes'] = new Inbox()
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({params}) =>
    logs.add(params.level),
  )
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => changes.add('tools'))
  client.setNotificationHandler(ResourceListChangedNotificationSchema, () =>
    changes.add('resources'),
  )
  const progress = new ProgressTokens()
  client.setNotificationHandler(ProgressNotificationSchema, ({params}) => progress.told(params))
  client.setRequestHandler(ElicitRequestSchema, () => ANSWERS.elicitation)
  client.setRequestHandler(CreateMessageRequestSchema, () => ANSWERS.sampling)
  client.setRequestHandler(ListRootsRequestSchema, () => ANSWERS.roots)
  const transport = transportTo(target)
  await client.connect(transport)
  return {
    ...sharedPart(client),
    logs,
    changes,
    async call(name, args, onProgress) {
      const params = {name, arguments: args, ...progress.meta(onProgress)}
      const {content} = await client.request({method: 'tools/call', params}, CallToolResultSchema)
      return textOf(content)
    },
    async [Symbol.asyncDispose]() {
      if (transport instanceof StreamableHTTPClientTransport) await transport.terminateSession()
      await client.close()
    },
  }
}

function transportTo(target: Target): Transport {
  if (target.transport === 'stdio') return new StdioClientTransport({...target, stderr: 'ignore'})
  const options = {requestInit: {headers: target.headers}}
  return target.transport === 'sse'
    ? new SSEClientTransport(target.url, options)
    : new StreamableHTTPClientTransport(target.url, options)
}
