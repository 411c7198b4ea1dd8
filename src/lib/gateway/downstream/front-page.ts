import type {IncomingMessage, ServerResponse} from 'node:http'
import {HEALTH_PATH, MCP_PATH, SSE_PATH} from './paths.ts'

/**
 * Answers requests to `/` and to paths that nothing is behind. A client that was given the address without the path is
 * sent to it; anybody else is told what this is and where to go, and nothing about what is served.
 * @param facts `path`: what was asked for; `needsToken`: whether clients must show one
 */
export function answerElsewhere(
  request: IncomingMessage,
  response: ServerResponse,
  {path, needsToken}: {path: string; needsToken: boolean},
): void {
  const location = redirectOf(request, path)
  if (location !== undefined) return void response.writeHead(307, {location}).end()
  const isKnown = path === '/'
  const wantsJson = (request.headers.accept ?? '').includes('application/json')
  const type = wantsJson ? 'application/json' : 'text/plain; charset=utf-8'
  response.writeHead(isKnown ? 200 : 404, {'content-type': type})
  response.end(wantsJson ? asJson({isKnown, needsToken}) : asText({isKnown, needsToken}))
}

/** Where a client that speaks MCP means to go. */
function redirectOf({method, headers}: IncomingMessage, path: string): string | undefined {
  if (path === `${MCP_PATH}/`) return MCP_PATH
  if (path === `${SSE_PATH}/`) return SSE_PATH
  if (path !== '/' || method === 'HEAD') return undefined
  if (method !== 'GET' || headers['mcp-session-id'] !== undefined) return MCP_PATH
  return (headers.accept ?? '').includes('text/event-stream') ? SSE_PATH : undefined
}

interface Facts {
  readonly isKnown: boolean
  readonly needsToken: boolean
}

const WHAT = 'This is an MCP gateway: AI clients reach MCP servers through it.'
const TOKEN =
  'Each request needs the header "Authorization: Bearer <token>". The gateway says where it is started which token that is.'

function asText({isKnown, needsToken}: Facts): string {
  const lines = [
    ...(isKnown ? [] : ['There is nothing at this path.']),
    WHAT,
    '',
    `  ${MCP_PATH}      for clients, over streamable HTTP`,
    `  ${SSE_PATH}      for older clients, over HTTP+SSE`,
    `  ${HEALTH_PATH}   200 when the gateway serves`,
    '',
    ...(needsToken ? [TOKEN] : []),
  ]
  return lines.map(line => `${line}\n`).join('')
}

function asJson({isKnown, needsToken}: Facts): string {
  return JSON.stringify({
    ...(!isKnown && {error: 'there is nothing at this path'}),
    about: WHAT,
    endpoints: {'streamable-http': MCP_PATH, sse: SSE_PATH},
    health: HEALTH_PATH,
    authorization: needsToken ? TOKEN : 'none',
  })
}
