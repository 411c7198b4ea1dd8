import {canonical, type JsonObject} from '../../base/json.ts'

const MOST_KEYS = 256
/** Code units of JSON. */
const LONGEST_CAPABILITIES = 16 * 1024
/** Why there is no key for what a client says that it can do. */
export const TOO_MUCH = `clientCapabilities must not have more than ${LONGEST_CAPABILITIES} characters`

/** Tells which clients can do the same: the capabilities of those have one key, however they are written. */
export class ViewKeys {
  /** By how clients have written them, which they do in the same way each time. */
  readonly #known = new Map<string, string>()

  /** @returns JSON; undefined for more than any client has: keys are kept for as long as the views are */
  of(capabilities: JsonObject): string | undefined {
    const text = JSON.stringify(capabilities)
    if (text.length > LONGEST_CAPABILITIES) return undefined
    const known = this.#known.get(text)
    if (known !== undefined) return known
    const key = canonical(capabilities)
    if (this.#known.size >= MOST_KEYS) this.#known.clear()
    this.#known.set(text, key)
    return key
  }
}
