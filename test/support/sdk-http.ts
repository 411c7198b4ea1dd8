import {Client} from '@modelcontextprotocol/sdk/client/index.js'
import {StreamableHTTPClientTransport} from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type {Transport} from '@modelcontextprotocol/sdk/shared/transport.js'
import {ListRootsRequestSchema} from '@modelcontextprotocol/sdk/types.js'

/** A client of the SDK, connected over HTTP; ended with the scope. */
export async function sdkClient(
  {url}: {readonly url: URL},
  capabilities: {roots?: object} = {},
): Promise<{client: Client; transport: StreamableHTTPClientTransport} & AsyncDisposable> {
  const client = new Client({name: 'sdk', version: '1'}, {capabilities})
  const transport = new StreamableHTTPClientTransport(url)
  if (capabilities.roots) {
    client.setRequestHandler(ListRootsRequestSchema, () => ({roots: [{uri: 'file:///mine'}]}))
  }
  if (!isTransport(transport)) throw new Error('no transport')
  await client.connect(transport)
  return {client, transport, [Symbol.asyncDispose]: () => client.close()}
}

/** The SDK's own types disagree with each other about an optional member. */
function isTransport(value: object): value is Transport {
  return 'start' in value
}
