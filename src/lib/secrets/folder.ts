import {readdir, realpath, stat} from 'node:fs/promises'
import {dirname, join, sep} from 'node:path'
import {messageOf, PluginError, systemCode} from '../base/errors.ts'
import {readValueFile} from '../files/atomic.ts'
import {MOST_SECRET_BYTES, secretInFile} from './secret-bytes.ts'
import {MCP_SECRET} from './spec.ts'
import {isSecretName, type SecretStore} from './store.ts'

/** Where Docker, Compose and Kubernetes put secrets into a container. */
const RUN_SECRETS = dirname(MCP_SECRET)

/** Opens the folder that containers have secrets in; where there is none, it has nothing. */
export function openRunSecrets(): SecretStore {
  return openFolder(RUN_SECRETS)
}

/**
 * Opens a folder with one file a secret, named like it. Links are followed inside the folder, as Kubernetes makes
 * them, and not out of it. What is deeper in it is no secret of ours: whoever writes a catalog could name
 * `kubernetes.io/serviceaccount/token`.
 * @param dir an absolute path
 */
export function openFolder(dir: string): SecretStore {
  const get = async (name: string) => {
    if (!isFileName(name) || (await absent(dir)) !== undefined) return undefined
    const path = join(dir, name)
    if ((await isMcpSecret(path)) || !(await canBeRead(dir, path))) return undefined
    const bytes = await readValueFile(path, MOST_SECRET_BYTES)
    return bytes && secretInFile(bytes)
  }
  return {
    name: dir,
    unavailable: () => absent(dir),
    names: () => namesIn(dir),
    has: async name => Boolean((await get(name))?.length),
    get,
    howToSet: name => `write the value into the file ${join(dir, name)}`,
  }
}

/** A colon names a part of another file on Windows. `..data`, and what it leads to, is how Kubernetes replaces all files at once. */
function isFileName(name: string): boolean {
  const isPart = process.platform === 'win32' && name.includes(':')
  return isSecretName(name) && !name.includes('/') && !name.startsWith('..') && !isPart
}

async function absent(dir: string): Promise<string | undefined> {
  // There, anybody may make a folder of this name.
  if (process.platform === 'win32' && dir === RUN_SECRETS) return 'only containers have it'
  try {
    return (await stat(dir)).isDirectory() ? undefined : 'it is no folder'
  } catch (error) {
    return systemCode(error) === 'ENOENT' ? 'it does not exist' : messageOf(error)
  }
}

async function namesIn(dir: string): Promise<readonly string[]> {
  if ((await absent(dir)) !== undefined) return []
  const names = (await readdir(dir)).filter(isFileName)
  const files = await Promise.all(names.map(name => isFilled(join(dir, name))))
  return names.filter((_, index) => files[index]).toSorted()
}

async function isFilled(path: string): Promise<boolean> {
  try {
    const found = await stat(path)
    return found.isFile() && found.size > 0 && !(await isMcpSecret(path))
  } catch {
    return false
  }
}

/** No secret, but lines of them, whatever its folder is called: `/var/run/secrets` is most often the same one. */
async function isMcpSecret(path: string): Promise<boolean> {
  const [target, lines] = await Promise.all(
    [path, MCP_SECRET].map(one => realpath(one).catch(() => undefined)),
  )
  return lines !== undefined && target === lines
}

/**
 * @returns whether there is a file, or could be one
 * @throws PluginError FILE_DENIED for what is no file, or is one outside of the folder
 */
async function canBeRead(dir: string, path: string): Promise<boolean> {
  const target = await targetOf(path)
  if (target === undefined) return true
  const root = await realpath(dir)
  const isInside = target.startsWith(root.endsWith(sep) ? root : root + sep)
  if (isInside && (await stat(target)).isFile()) return true
  throw new PluginError(
    'FILE_DENIED',
    isInside ? `${path} is not a file` : `${path} leads out of the folder of secrets`,
    {hint: `put a file with the value there, or name another folder with --secrets`},
  )
}

async function targetOf(path: string): Promise<string | undefined> {
  try {
    return await realpath(path)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}
