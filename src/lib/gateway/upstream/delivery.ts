import {PluginError} from '../../base/errors.ts'
import {
  expandSecrets,
  type ProgramInput,
  secretsInCommand,
  type SecretValue,
} from '../../model/expand.ts'
import type {ConnectedSpec, ContainerSpec} from '../../model/server.ts'
import type {SecretSource} from '../../secrets/source.ts'

/**
 * The values of the secrets that a server declares, by environment variable.
 * @throws PluginError SECRET_MISSING naming the secret and the command that sets it; never a value
 */
export function secretValues(
  spec: Pick<ConnectedSpec, 'name' | 'secrets'>,
  source: SecretSource,
): ReadonlyMap<string, SecretValue> {
  const values = new Map<string, SecretValue>()
  for (const {name, env, required, file} of spec.secrets) {
    const problem = source.problem(name)
    if (problem) throw unreadableSecret(spec.name, name, problem)
    const text = source.get(name)
    const value = text ?? source.bytes(name)
    if (value && text === undefined && file === undefined) throw noText(spec.name, name, source)
    if (value) values.set(env, value)
    else if (required) throw missingSecret(spec.name, name, source)
  }
  return values
}

function missingSecret(server: string, name: string, source: SecretSource): PluginError {
  return new PluginError(
    'SECRET_MISSING',
    `server ${server} needs the secret ${name}, which has no value`,
    {hint: source.howToSet(name)},
  )
}

function unreadableSecret(
  server: string,
  name: string,
  {code, message, hint}: PluginError,
): PluginError {
  return new PluginError(
    code,
    `server ${server} needs the secret ${name}: ${message}`,
    hint === undefined ? {} : {hint},
  )
}

function noText(server: string, name: string, source: SecretSource): PluginError {
  return new PluginError(
    'SECRET_MISSING',
    `server ${server} takes the secret ${name} as text, and its value is none: it is not UTF-8, or has a NUL in it`,
    {hint: `set it anew: ${source.howToSet(name)}`},
  )
}

/** What a server's program is given, and whether a secret is in its command line. */
export interface Delivery extends ProgramInput {
  readonly isCommandSecret: boolean
}

/**
 * What a server's program is given, unless a secret in it could be seen by others: in its command line, which every
 * list of processes shows, or in an environment that the engine writes down, where the image has no shim.
 * @param input `hasShim`: whether the image's architecture has one; `isExposed`: whether the user allowed it
 * @throws PluginError SECRET_EXPOSED naming the server, the secret's variable, and the flag that allows it
 */
export function deliver(
  spec: Pick<ContainerSpec, 'name' | 'secrets' | 'env' | 'command' | 'isOneRun'>,
  values: ReadonlyMap<string, SecretValue>,
  input: {
    readonly hasShim: boolean
    readonly architecture: string
    readonly isExposed: boolean
  },
): Delivery {
  const {name} = spec
  const [inCommand] = shownSecrets(spec, values)
  const delivery = {...expandSecrets(spec, values), isCommandSecret: inCommand !== undefined}
  if (inCommand !== undefined && !input.isExposed) {
    throw exposed(
      name,
      `puts the secret ${inCommand} into the command line of its program, where every list of processes shows it`,
    )
  }
  if (input.hasShim) return delivery
  const [file] = delivery.files
  if (file !== undefined) {
    throw new PluginError(
      'SERVER_UNSUPPORTED',
      `server ${name} takes a secret as the file ${file[0]}, which images for ${input.architecture} cannot be given`,
      {hint: 'use an image for amd64 or arm64'},
    )
  }
  if (values.size > 0 && !input.isExposed) {
    throw exposed(
      name,
      `has an image for ${input.architecture}: there its secrets can only be handed over as plain environment, which docker inspect shows`,
    )
  }
  return delivery
}

/** The secrets that every list of processes shows, by their names in the stores. */
function shownSecrets(
  spec: Pick<ContainerSpec, 'secrets' | 'env' | 'command' | 'isOneRun'>,
  values: ReadonlyMap<string, SecretValue>,
): readonly string[] {
  const given = spec.secrets.filter(({env}) => values.has(env)).map(({name}) => name)
  return secretsInCommand(spec).filter(name => given.includes(name))
}

function exposed(server: string, why: string): PluginError {
  return new PluginError('SECRET_EXPOSED', `server ${server} ${why}`, {
    hint: `allow it for this server: docker mcp gateway run --expose-secrets ${server}`,
  })
}
