import {resolve} from 'node:path'
import {PluginError} from '../base/errors.ts'
import {readValueFile} from '../files/atomic.ts'
import {MOST_SECRET_BYTES, secretInFile} from './secret-bytes.ts'
import {isSecretName, type SecretStore, type StoreInput} from './store.ts'

const PREFIX = 'DOCKER_MCP_SECRET_'
const SUFFIX = '_FILE'

/**
 * Opens the environment: a secret `brave.api_key` is in `DOCKER_MCP_SECRET_BRAVE_API_KEY`, or in the file that
 * `DOCKER_MCP_SECRET_BRAVE_API_KEY_FILE` names.
 * @param options `isPlain`: `BRAVE_API_KEY` and `BRAVE_API_KEY_FILE` count, too. Whoever writes a catalog chooses the names of
 *   secrets, and would have any variable of this machine
 */
export function openEnvironment(
  {env, cwd}: Pick<StoreInput, 'env' | 'cwd'>,
  {isPlain}: {isPlain: boolean},
): SecretStore {
  const prefixes = isPlain ? [PREFIX, ''] : [PREFIX]
  const get = async (name: string) => {
    if (!isSecretName(name)) return undefined
    for (const prefix of prefixes) {
      const variable = prefix + variableOf(name)
      const value = env[variable]
      if (value) return Buffer.from(value)
      const file = env[variable + SUFFIX]
      // oxlint-disable-next-line no-await-in-loop -- the first that is there counts
      if (file) return readNamed(variable + SUFFIX, resolve(cwd, file))
    }
    return undefined
  }
  return {
    name: 'env',
    unavailable: () => Promise.resolve(undefined),
    names: () => Promise.resolve(variables(env)),
    has: async name => Boolean((await get(name))?.length),
    get,
    howToSet: name => `set the variable ${PREFIX}${variableOf(name)}`,
  }
}

function variableOf(name: string): string {
  return name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')
}

/** What is behind the prefix: the name of the secret cannot be told from it. */
function variables(env: NodeJS.ProcessEnv): readonly string[] {
  const names = Object.keys(env)
    .filter(name => name.startsWith(PREFIX) && env[name])
    .map(name => name.slice(PREFIX.length))
    .map(name => (name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : name))
  return [...new Set(names)].filter(name => name !== '').toSorted()
}

async function readNamed(variable: string, path: string): Promise<Buffer> {
  const bytes = await readValueFile(path, MOST_SECRET_BYTES)
  if (bytes) return secretInFile(bytes)
  throw new PluginError('FILE_MISSING', `${path}, which ${variable} names, does not exist`, {
    hint: `put the secret into ${path}, or take ${variable} away`,
  })
}
