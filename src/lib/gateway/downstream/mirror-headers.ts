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

/** Reads these headers, whose names node gives in lower case. */
export function requestHeaders({headersDistinct}: IncomingMessage): RequestHeaders {
  const parameters = new Map<string, string>()
  let isRepeated = false
  const read = (name: string): string | undefined => {
    const [value, ...more] = headersDistinct[name] ?? []
    isRepeated ||= more.length > 0
    return value
  }
  for (const name of Object.keys(headersDistinct)) {
    const value = name.startsWith(PARAMETER) ? read(name) : undefined
    if (value !== undefined) parameters.set(name, value)
  }
  const own = {
    version: read('mcp-protocol-version'),
    method: read('mcp-method'),
    name: read('mcp-name'),
  }
  return {...own, parameters, isRepeated}
}
