import {createRedactor, type Redactor, type StreamRedactor} from '../base/redact.ts'

/**
 * Masks secrets in all that a gateway says, and what its servers say to people. It learns new ones, and forgets none: old
 * ones are in what servers say still.
 */
export class Redaction {
  /** By their bytes, which a text and a buffer may share. */
  readonly #values = new Map<string, string | Uint8Array>()
  #redactor: Redactor = createRedactor([])
  #names: Redactor | undefined = this.#redactor

  /** Masks these values, too, from now on. */
  learn(values: Iterable<string | Uint8Array>): void {
    const before = this.#values.size
    for (const value of values) this.#values.set(Buffer.from(value).toString('base64'), value)
    if (this.#values.size === before) return
    this.#redactor = createRedactor(this.#values.values())
    this.#names = undefined
  }

  /** The text with a mask in place of each secret. */
  mask(text: string): string {
    return this.#redactor(text)
  }

  /** The same where secrets may stand in small letters, as in names that are looked up in the network. */
  maskNames(text: string): string {
    this.#names ??= createRedactor([...this.#values.values()].flatMap(inSmallLettersToo))
    return this.#names(text)
  }

  /** Masks a text that arrives in pieces. What is learnt later is not known to it. */
  stream(): StreamRedactor {
    return this.#redactor.stream()
  }
}

function inSmallLettersToo(value: string | Uint8Array): (string | Uint8Array)[] {
  return typeof value === 'string' ? [value, value.toLowerCase()] : [value]
}
