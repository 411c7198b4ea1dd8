import type {IncomingMessage} from 'node:http'
import type {Mirrored} from '../upstream/upstream.ts'
import type {MirrorHeaders} from '../wire/mirror.ts'

const PARAMETER = 'mcp-param-'

/** What a modern client puts into headers for whoever does not read bodies. */
export interface RequestHeaders extends MirrorHeaders {
  /** `MCP-Protocol-Version` */
  readonly version: string | undefined
  /** `Mcp-Param-*` */
  readonly parameters: Mirrored
  /** Whether one of them stands there more than once: readers may then go by one, or by all of them joined. */
  readonly isRepeated: boolean
}

/** Reads these headers as they came in, one after the other: node would join those that stand there twice. */
export function requestHeaders({rawHeaders}: IncomingMessage): RequestHeaders {
  const found = new Map<string, string>()
  const parameters = new Map<string, string>()
  let isRepeated = false
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [raw = '', value = ''] = [rawHeaders[at], rawHeaders[at + 1]]
    // Most headers are others.
    if (raw[0] !== 'm' && raw[0] !== 'M') continue
    const name = raw.toLowerCase()
    const known = name.startsWith(PARAMETER) ? parameters : found
    isRepeated ||= known.has(name) && (known === parameters || OWN.has(name))
    if (!known.has(name)) known.set(name, value)
  }
  return {
    version: found.get('mcp-protocol-version'),
    method: found.get('mcp-method'),
    name: found.get('mcp-name'),
    parameters,
    isRepeated,
  }
}

const OWN: ReadonlySet<string> = new Set(['mcp-protocol-version', 'mcp-method', 'mcp-name'])
