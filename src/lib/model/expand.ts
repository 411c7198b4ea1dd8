import type {ContainerSpec, RemoteSpec} from './server.ts'

/**
 * Puts secrets where a container's specification refers to them. The environment starts with the
 * declared secrets under their variable names; the entries follow, each able to refer to the
 * secrets and to the entries before it. Nothing else can be referred to (never this process's
 * environment); what is not known is the empty string, and a variable that comes out empty is left
 * out. A value that was put in is not expanded again.
 * @param spec see `bindServer`
 * @param secrets the values, by the name of the environment variable; those that the server does
 * not declare are ignored
 * @returns `env`: each name once, a later entry replaces an earlier one; `command`: the arguments,
 * empty ones kept
 */
export function expandSecrets(
  spec: Pick<ContainerSpec, 'secrets' | 'env' | 'command'>,
  secrets: ReadonlyMap<string, string>,
): {readonly env: readonly (readonly [string, string])[]; readonly command: readonly string[]} {
  const known = declaredValues(spec, secrets)
  for (const {name, value, expand} of spec.env) {
    const text = expand ? expandVariables(value, known) : value
    if (text !== '') known.set(name, text)
  }
  return {env: [...known], command: spec.command.map(argument => expandVariables(argument, known))}
}

/**
 * The HTTP headers of a remote server with the declared secrets in them. A header that refers to a
 * secret without a value is left out whole: `Bearer ` without a token is an error to a server that
 * would have answered without it.
 * @param secrets the values, by the name of the environment variable
 */
export function expandHeaders(
  spec: Pick<RemoteSpec, 'secrets' | 'headers'>,
  secrets: ReadonlyMap<string, string>,
): readonly (readonly [string, string])[] {
  const known = declaredValues(spec, secrets)
  return spec.headers
    .filter(({value}) => variablesIn(value).every(name => known.has(name)))
    .map(({name, value}) => [name, expandVariables(value, known)] as const)
    .filter(([, value]) => value !== '')
}

function declaredValues(
  spec: Pick<ContainerSpec, 'secrets'>,
  secrets: ReadonlyMap<string, string>,
): Map<string, string> {
  const declared = spec.secrets.map(({env}) => [env, secrets.get(env) ?? ''] as const)
  return new Map(declared.filter(([, value]) => value !== ''))
}

const VARIABLE = /\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/gu

function expandVariables(text: string, known: ReadonlyMap<string, string>): string {
  return text.replace(VARIABLE, (_match, braced?: string, bare?: string) => {
    return known.get(braced ?? bare ?? '') ?? ''
  })
}

function variablesIn(text: string): readonly string[] {
  return [...text.matchAll(VARIABLE)].map(match => match[1] ?? match[2] ?? '')
}
