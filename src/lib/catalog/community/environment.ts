import type {JsonObject} from '../../base/json.ts'
import type {Inputs} from './inputs.ts'
import {
  envText,
  Inexpressible,
  isPlainArgument,
  optionalArgument,
  templateText,
  type Value,
} from './parts.ts'
import type {NamedInput} from './server-json.ts'
import {fixedValue} from './value.ts'

/** The variables of a server in a container, and its arguments, which can refer to them. */
export class Environment {
  readonly #inputs: Inputs
  readonly #entries: {name: string; value: string}[] = []
  readonly #known = new Set<string>()

  constructor(inputs: Inputs) {
    this.#inputs = inputs
  }

  /** Adds the variables that a server declares; those with values last, since they may refer to the others. */
  declare(variables: readonly NamedInput[]): void {
    for (const variable of variables) if (!variable.value) this.#ask(variable)
    for (const variable of variables) {
      const value = fixedValue(variable, this.#inputs)
      if (value) this.set(variable.name, value)
    }
  }

  /** @throws Inexpressible */
  set(name: string, value: Value): void {
    const [only, ...others] = value
    const isItself = others.length === 0 && only?.kind === 'reference' && only.env === name
    for (const part of value) if (part.kind === 'reference') this.#known.add(part.env)
    if (!isItself) this.#put(name, this.#unmixed(name, value))
  }

  /**
   * An argument; empty when it is not set and need not be.
   * @throws Inexpressible
   */
  argument(value: Value): string {
    const optional = optionalArgument(value)
    if (optional !== undefined) return optional
    if (isPlainArgument(value)) return templateText(value)
    // Here braces stay, and names end where they end.
    const name = this.#free('ARGUMENT')
    this.set(name, value)
    return `$${name}`
  }

  entry(): JsonObject {
    return this.#entries.length > 0 ? {env: this.#entries.map(one => ({...one}))} : {}
  }

  #ask(variable: NamedInput): void {
    const {name} = variable
    const asked = this.#inputs.variable(name, variable, {env: name})
    if (asked.kind === 'config') this.#put(name, [asked])
    else this.#known.add(asked.env)
  }

  /** A value is a template or has references, never both: each value of a template gets a variable of its own. */
  #unmixed(name: string, value: Value): Value {
    if (!value.some(({kind}) => kind === 'reference')) return value
    return value.map(part => {
      if (part.kind !== 'config') return part
      const own = this.#free(`${name}_PART`)
      this.#put(own, [part])
      return {kind: 'reference', env: own} as const
    })
  }

  #put(name: string, value: Value): void {
    if (!/^[^=\0\s]+$/u.test(name))
      throw new Inexpressible('has a variable that has no proper name')
    this.#entries.push({name, value: envText(value, this.#known)})
    this.#known.add(name)
  }

  #free(name: string): string {
    for (let count = 1; ; count += 1) {
      const own = `${name}_${count}`
      if (!this.#known.has(own) && !this.#entries.some(each => each.name === own)) return own
    }
  }
}
