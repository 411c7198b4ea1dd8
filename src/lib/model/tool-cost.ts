import type {JsonObject} from '../base/json.ts'

/** What one server lists. */
export interface ListedTools {
  readonly server: string
  readonly items: readonly JsonObject[]
}

/** What it costs a model to be shown the tools of a server. */
export interface ToolCost {
  readonly server: string
  readonly tools: number
  /** Of the list as JSON, in UTF-8. */
  readonly bytes: number
  /** An estimate. */
  readonly tokens: number
}

/** Tool lists as JSON come to about four bytes a token, whichever model reads them. */
const BYTES_PER_TOKEN = 4

/** The same list is the same object, which is weighed once. */
const weighed = new WeakMap<readonly JsonObject[], number>()

/** What each server's tools cost, the heaviest first. */
export function toolCosts(listed: readonly ListedTools[]): readonly ToolCost[] {
  return listed
    .map(({server, items}) => {
      const bytes = bytesOf(items)
      return {server, tools: items.length, bytes, tokens: Math.ceil(bytes / BYTES_PER_TOKEN)}
    })
    .toSorted((one, other) => other.bytes - one.bytes)
}

/** All of them together. */
export function totalCost(costs: readonly ToolCost[]): Omit<ToolCost, 'server'> {
  return {
    tools: costs.reduce((sum, {tools}) => sum + tools, 0),
    bytes: costs.reduce((sum, {bytes}) => sum + bytes, 0),
    tokens: costs.reduce((sum, {tokens}) => sum + tokens, 0),
  }
}

function bytesOf(items: readonly JsonObject[]): number {
  const known = weighed.get(items)
  if (known !== undefined) return known
  const bytes = Buffer.byteLength(JSON.stringify(items))
  weighed.set(items, bytes)
  return bytes
}
