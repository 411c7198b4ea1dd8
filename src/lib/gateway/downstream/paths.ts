import type {IncomingMessage} from 'node:http'

/** Streamable HTTP (MCP 2025-03-26 and later). */
export const MCP_PATH = '/mcp'
/** The stream of HTTP+SSE (MCP 2024-11-05), and where its clients post messages. */
export const SSE_PATH = '/sse'
export const MESSAGES_PATH = '/messages'
/** 200 when the gateway serves, else 503. */
export const HEALTH_PATH = '/health'

/** The path that a request asks for, without its query. */
export function pathOf({url = '/'}: IncomingMessage): string {
  return url.split('?')[0] ?? '/'
}
