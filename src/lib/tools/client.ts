import type {Transport} from '@modelcontextprotocol/sdk/shared/transport.js'
import type {CallToolResult, JSONRPCMessage, Tool} from '@modelcontextprotocol/sdk/types.js'

/** What this room needs of a gateway's session: it takes messages until it is closed. */
export interface Port {
  receive(message: JSONRPCMessage): void
  close(): Promise<void>
}

/** Opens a session whose messages for the client go to `send`. */
export type OpenPort = (downstream: {send(message: JSONRPCMessage): void; drop(): void}) => Port

/** The MCP client behind `tools …`. */
export interface GatewayClient {
  listTools(): Promise<readonly Tool[]>
  /** @throws McpError of the SDK when the gateway refuses the call */
  callTool(name: string, args: Readonly<Record<string, unknown>>): Promise<CallToolResult>
}

/** A tool may work for long; the gateway and the server have limits of their own. */
const CALL_TIMEOUT_MS = 24 * 60 * 60 * 1000

/** Connects the SDK's client to a gateway in this process. */
export async function connectClient(open: OpenPort, version: string): Promise<GatewayClient> {
  const [{Client}, {CallToolResultSchema}] = await Promise.all([
    import('@modelcontextprotocol/sdk/client/index.js'),
    import('@modelcontextprotocol/sdk/types.js'),
  ])
  const client = new Client({name: 'docker-mcp', version})
  await client.connect(portTransport(open))
  return {
    async listTools() {
      return (await client.listTools(undefined, {timeout: CALL_TIMEOUT_MS})).tools
    },
    callTool(name, args) {
      const params = {name, arguments: args}
      return client.request({method: 'tools/call', params}, CallToolResultSchema, {
        timeout: CALL_TIMEOUT_MS,
      })
    },
  }
}

/** The SDK's transport without any wire between. */
function portTransport(open: OpenPort): Transport {
  let port: Port | undefined
  const transport: Transport = {
    async start() {
      port = open({send: message => transport.onmessage?.(message), drop: () => undefined})
    },
    async send(message) {
      port?.receive(message)
    },
    async close() {
      await port?.close()
      transport.onclose?.()
    },
  }
  return transport
}
