import type {Json, JsonObject} from '../../base/json.ts'
import type {Input} from './server-json.ts'
import {Inexpressible, type Part} from './parts.ts'

/** Where a value that a user sets comes into an entry: the template or reference for it. */
export type Variable = Extract<Part, {readonly kind: 'config' | 'reference'}>

interface Secret {
  readonly name: string
  readonly env: string
  readonly description?: string
  readonly example?: string
  required: boolean
}

/**
 * What a server asks of its user, gathered while it is converted: secrets, and values of `config.yaml`. The same name
 * means the same value wherever it is used.
 */
export class Inputs {
  readonly #server: string
  readonly #secrets = new Map<string, Secret>()
  readonly #properties = new Map<string, JsonObject>()
  readonly #required = new Set<string>()
  readonly #taken: Set<string>

  /** @param taken the variables that the server reads: no secret that is part of another value may have their names */
  constructor(server: string, taken: readonly string[]) {
    this.#server = server
    this.#taken = new Set(taken)
  }

  /**
   * A value that a user sets.
   * @param env the variable that a secret must have; else one is made of its name
   */
  variable(name: string, input: Input, options: {env?: string; isList?: boolean} = {}): Variable {
    return input.isSecret
      ? this.#secret(name, input, options.env)
      : this.#config(name, input, options)
  }

  /** Adds a list of arguments that a user may give; what it means is `description`. */
  extraArguments(description: string): Part {
    const key = 'extra-arguments'
    this.#properties.set(key, {type: 'array', items: {type: 'string'}, description})
    return {kind: 'config', path: this.#path(key), isRequired: false}
  }

  /** The parts of the entry that declare all of this. */
  entry(): JsonObject {
    const secrets: Json[] = [...this.#secrets.values()].map(({required, ...secret}) => ({
      ...secret,
      ...(!required && {required}),
    }))
    const schema: JsonObject = {
      name: this.#server,
      description: `Configuration of ${this.#server}`,
      type: 'object',
      properties: Object.fromEntries(this.#properties),
      ...(this.#required.size > 0 && {required: [...this.#required]}),
    }
    return {
      ...(secrets.length > 0 && {secrets}),
      ...(this.#properties.size > 0 && {config: [schema]}),
    }
  }

  #secret(name: string, input: Input, wanted: string | undefined): Variable {
    const {description, placeholder, isRequired} = input
    const known = this.#secrets.get(name)
    const env = known?.env ?? wanted ?? this.#freeEnv(name)
    if (wanted !== undefined && wanted !== env) {
      throw new Inexpressible(`the secret ${name} is wanted under two variables`)
    }
    const secret: Secret = known ?? {
      name: `${this.#server}.${name}`,
      env,
      required: false,
      ...(description && {description}),
      ...(placeholder && {example: placeholder}),
    }
    secret.required ||= isRequired === true
    this.#secrets.set(name, secret)
    this.#taken.add(env)
    return {kind: 'reference', env}
  }

  /** Docker's own plugin writes the name in capitals. */
  #freeEnv(name: string): string {
    const plain = name
      .toUpperCase()
      .replaceAll(/[^A-Z0-9_]/g, '_')
      .replace(/^(?=[^A-Z_])/, '_')
    let env = plain
    for (let count = 2; this.#taken.has(env); count += 1) env = `${plain}_${count}`
    return env
  }

  #config(name: string, input: Input, {isList = false}: {isList?: boolean}): Variable {
    const key = name.replaceAll(/[^A-Za-z0-9_-]/g, '_')
    if (key === '' || key === '__proto__') throw new Inexpressible('a value has no name')
    if (!this.#properties.has(key)) this.#properties.set(key, propertyOf(input, isList))
    const isRequired = input.isRequired === true
    if (isRequired) this.#required.add(key)
    return {
      kind: 'config',
      path: this.#path(key),
      isRequired,
      ...(input.default && {default: input.default}),
    }
  }

  #path(key: string): string {
    return `${this.#server}.${key}`
  }
}

function propertyOf(input: Input, isList: boolean): JsonObject {
  const {description, placeholder, choices} = input
  const type = input.format === 'number' || input.format === 'boolean' ? input.format : 'string'
  const byDefault = input.default ? typed(input.default, type) : undefined
  const single: JsonObject = {
    type,
    // A choice is text; a schema compares with what the user wrote.
    ...(choices && choices.length > 0 && {enum: choices.map(choice => typed(choice, type))}),
  }
  return {
    ...(isList ? {type: 'array', items: single} : single),
    description: description ?? '',
    ...(byDefault !== undefined && {default: isList ? [byDefault] : byDefault}),
    ...(placeholder && {placeholder}),
  }
}

function typed(value: string, type: string): Json {
  if (type === 'number' && value.trim() !== '' && Number.isFinite(Number(value)))
    return Number(value)
  if (type === 'boolean' && /^(?:true|false)$/.test(value)) return value === 'true'
  return value
}
