import {Client} from '@modelcontextprotocol/sdk/client/index.js'
import {SSEClientTransport} from '@modelcontextprotocol/sdk/client/sse.js'
import {StdioClientTransport} from '@modelcontextprotocol/sdk/client/stdio.js'
import {StreamableHTTPClientTransport} from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type {Transport} from '@modelcontextprotocol/sdk/shared/transport.js'
import {
  CallToolResultSchema,
  LoggingMessageNotificationSchema,
  ResourceListChangedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'

import {Inbox} from '../support/inbox.ts'
import {textOf, type Peer, type Place} from './peer.ts'

/** Connects the client of the SDK's first generation. */
export async function connectV1(place: Place): Promise<Peer> {
  const client = new Client({name: 'sdk-v1', version: '1'})
  const logs: Peer['logs'] = new Inbox()
  const changes: Peer['changes'] = new Inbox()
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({params}) =>
    logs.add(params.level),
  )
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => changes.add('tools'))
  client.setNotificationHandler(ResourceListChangedNotificationSchema, () =>
    changes.add('resources'),
  )
  const transport = transportTo(place)
  await client.connect(transport)
  return {
    server: client.getServerVersion()?.name,
    logs,
    changes,
    toolNames: async () => (await client.listTools()).tools.map(({name}) => name),
    async call(name, args, onProgress) {
      const {content} = await client.request(
        {method: 'tools/call', params: {name, arguments: args}},
        CallToolResultSchema,
        onProgress && {onprogress: ({progress}) => onProgress(progress)},
      )
      return textOf(content)
    },
    read: async uri => JSON.stringify(await client.readResource({uri})),
    prompt: async (name, args) => JSON.stringify(await client.getPrompt({name, arguments: args})),
    complete: async (name, argument) =>
      (await client.complete({ref: {type: 'ref/prompt', name}, argument})).completion.values,
    setLevel: async level => void (await client.setLoggingLevel(level)),
    async [Symbol.asyncDispose]() {
      if (transport instanceof StreamableHTTPClientTransport) await transport.terminateSession()
      await client.close()
    },
  }
}

function transportTo(place: Place): Transport {
  if (place.transport === 'stdio') return new StdioClientTransport({...place, stderr: 'ignore'})
  const options = {requestInit: {headers: place.headers}}
  return place.transport === 'sse'
    ? new SSEClientTransport(place.url, options)
    : new StreamableHTTPClientTransport(place.url, options)
}
