import {isJsonObject, type JsonObject} from '../../base/json.ts'
import type {KnownServer} from './hello.ts'

/** Capabilities whose methods the specification names; all others are somebody's own. */
const STANDARD = new Set([
  'tools',
  'prompts',
  'resources',
  'completions',
  'logging',
  'tasks',
  'experimental',
  'extensions',
])

/**
 * The servers that declared a capability which a method belongs to: `io.modelcontextprotocol/skills` in `extensions`
 * or `experimental`, or a capability of the vendor's own, has `skills/list`, and all that begins with its whole key.
 * @param servers in configured order, which the answer keeps
 */
export function declaring(method: string, servers: readonly KnownServer[]): readonly string[] {
  return servers
    .filter(({hello}) => declaredKeys(hello).some(key => owns(key, method)))
    .map(({name}) => name)
}

function declaredKeys(hello: JsonObject | undefined): readonly string[] {
  const capabilities = hello?.['capabilities']
  if (!isJsonObject(capabilities)) return []
  const {experimental, extensions} = capabilities
  return [
    ...Object.keys(capabilities).filter(key => !STANDARD.has(key)),
    ...(isJsonObject(experimental) ? Object.keys(experimental) : []),
    ...(isJsonObject(extensions) ? Object.keys(extensions) : []),
  ]
}

function owns(key: string, method: string): boolean {
  if (key === '') return false
  const name = key.slice(key.lastIndexOf('/') + 1)
  return (
    method === key || method.startsWith(`${key}/`) || (name !== '' && method.startsWith(`${name}/`))
  )
}
