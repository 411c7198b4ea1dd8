import {realpath, stat} from 'node:fs/promises'
import {basename, isAbsolute, relative, sep} from 'node:path'
import {PluginError, systemCode} from '../base/errors.ts'
import {locateElement, type SpecElement} from './spec.ts'

/**
 * The elements of a specification that came with a profile, which others may have written, together with the servers and
 * the names of their secrets: any file and any variable of this machine could be had with it. A folder is none of them:
 * it may be `.ssh`, and a secret called `id_rsa`. What is called `.env` was written to be given to programs.
 * @param input `cwd`: the folder of the profile
 * @throws PluginError FILE_DENIED for what is not a regular file `*.env` in that folder, wherever links lead
 */
export async function harmless(
  elements: readonly SpecElement[],
  input: {readonly cwd: string; readonly env: NodeJS.ProcessEnv},
): Promise<readonly SpecElement[]> {
  for (const element of elements) {
    // oxlint-disable-next-line no-await-in-loop -- one or two
    if (element.kind === 'path') await mustBeOurs(input.cwd, element.text, input.env)
  }
  return elements.map(element => (element.kind === 'env' ? {...element, isPlain: false} : element))
}

async function mustBeOurs(folder: string, text: string, env: NodeJS.ProcessEnv): Promise<void> {
  const path = locateElement(text, {cwd: folder, env})
  const isHere = !isAbsolute(text) && !/^(?:~|[A-Za-z]:)/.test(text) && isIn(folder, path)
  const why = isHere ? await complaint(folder, path) : OUTSIDE
  if (why === undefined) return
  throw new PluginError(
    'FILE_DENIED',
    `the profile takes secrets from ${JSON.stringify(text)}, which ${why} ${folder}`,
    {hint: `if you mean that, say so yourself: --secrets ${path}`},
  )
}

const OUTSIDE = 'is not in its folder'
const NO_DOTENV = 'is no regular file called .env or *.env in'

async function complaint(folder: string, path: string): Promise<string | undefined> {
  if (!isDotenv(folder, path)) return NO_DOTENV
  try {
    const [root, target] = await Promise.all([realpath(folder), realpath(path)])
    if (!isIn(root, target)) return OUTSIDE
    // A link may be called anything; a pipe would keep whoever reads it waiting.
    return isDotenv(root, target) && (await stat(target)).isFile() ? undefined : NO_DOTENV
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Folders that begin with a dot are those of other programs. */
function isDotenv(folder: string, path: string): boolean {
  const folders = relative(folder, path).split(sep).slice(0, -1)
  return basename(path).endsWith('.env') && !folders.some(name => name.startsWith('.'))
}

function isIn(folder: string, path: string): boolean {
  const way = relative(folder, path)
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}
