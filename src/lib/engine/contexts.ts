import {createHash} from 'node:crypto'
import {readdir, readFile} from 'node:fs/promises'
import {join} from 'node:path'
import * as z from 'zod'
import {messageOf, PluginError, systemCode} from '../base/errors.ts'

/** The keys and certificates of a TLS connection, as PEM text. */
export interface TlsMaterial {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** How a docker context says that its engine is reached. */
export interface DockerContext {
  /** In docker's notation; empty means the platform's own socket. */
  readonly host: string
  readonly skipTlsVerify: boolean
  readonly tls: TlsMaterial
}

/**
 * The context that `docker context use` has chosen, from `config.json`.
 * @returns undefined when the file or the choice is not there
 * @throws PluginError FILE_INVALID when the file is not what docker writes, FILE_DENIED when it may not be read
 */
export async function readCurrentContext(dockerConfigDir: string): Promise<string | undefined> {
  const path = join(dockerConfigDir, 'config.json')
  const text = await readIfThere(path)
  if (text === undefined) return undefined
  return parseFile(text, path, CONFIG_FILE).currentContext || undefined
}

/**
 * Reads a context from docker's store (docker/cli, `context/store`): a folder for each, named by the SHA-256 of
 * the context's name, so that no name leads out of the store.
 * @returns undefined when there is no such context
 * @throws PluginError FILE_INVALID for a damaged one, FILE_DENIED, ENDPOINT_INVALID for one without a docker endpoint
 */
export async function readContext(
  dockerConfigDir: string,
  name: string,
): Promise<DockerContext | undefined> {
  const id = createHash('sha256').update(name).digest('hex')
  const path = join(dockerConfigDir, 'contexts', 'meta', id, 'meta.json')
  const text = await readIfThere(path)
  if (text === undefined) return undefined
  const docker = parseFile(text, path, META_FILE).Endpoints?.docker
  if (!docker) {
    throw new PluginError('ENDPOINT_INVALID', `the context ${name} has no docker endpoint`, {
      hint: `look at it with: docker context inspect ${name}`,
    })
  }
  const pem = (file: string) =>
    readIfThere(join(dockerConfigDir, 'contexts', 'tls', id, 'docker', file))
  const [ca, cert, key] = await Promise.all([pem('ca.pem'), pem('cert.pem'), pem('key.pem')])
  return {
    host: docker.Host ?? '',
    skipTlsVerify: docker.SkipTLSVerify ?? false,
    tls: tlsMaterial({ca, cert, key}),
  }
}

/** The names of all contexts that can be read, sorted, with docker's built-in `default` among them. */
export async function listContexts(dockerConfigDir: string): Promise<string[]> {
  const store = join(dockerConfigDir, 'contexts', 'meta')
  const folders = await readdir(store).catch(() => [])
  const names = await Promise.all(
    folders.map(async folder => {
      try {
        const path = join(store, folder, 'meta.json')
        const name = parseFile(await readFile(path, 'utf8'), path, META_FILE).Name ?? ''
        return CONTEXT_NAME.test(name) ? [name] : []
      } catch {
        // The list only helps to find a name; a damaged neighbour is no reason to fail.
        return []
      }
    }),
  )
  return [...new Set(['default', ...names.flat()])].toSorted()
}

/** Puts TLS material together; a certificate is of use only with its key, and docker drops either without the other. */
export function tlsMaterial(pem: {[Name in keyof TlsMaterial]: string | undefined}): TlsMaterial {
  const {ca, cert, key} = pem
  return {...(ca ? {ca} : {}), ...(cert && key ? {cert, key} : {})}
}

/**
 * The text of a file, or undefined when it does not exist.
 * @throws PluginError FILE_DENIED or FILE_INVALID when it exists and cannot be read
 */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const code = systemCode(cause)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    const denied = code === 'EACCES' || code === 'EPERM'
    throw new PluginError(
      denied ? 'FILE_DENIED' : 'FILE_INVALID',
      `cannot read ${path}: ${messageOf(cause)}`,
      {hint: denied ? 'change its owner or its permissions' : 'check what is at that path', cause},
    )
  }
}

/** What docker accepts as a name; anything else has no place in a message. */
const CONTEXT_NAME = /^[a-zA-Z0-9][\w.+-]*$/u

const CONFIG_FILE = z.looseObject({currentContext: z.string().nullish()})

const META_FILE = z.looseObject({
  Name: z.string().nullish(),
  Endpoints: z
    .looseObject({
      docker: z
        .looseObject({Host: z.string().nullish(), SkipTLSVerify: z.boolean().nullish()})
        .nullish(),
    })
    .nullish(),
})

function parseFile<T>(text: string, path: string, schema: z.ZodType<T>): T {
  const refuse = (what: string) =>
    new PluginError('FILE_INVALID', `${path} ${what}`, {
      hint: 'correct the file, or remove it and let docker write it again',
    })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    // The parser's own message quotes the file, and config.json holds registry passwords: only the place is told.
    const [place = ''] = /\(line \d+ column \d+\)/u.exec(messageOf(error)) ?? []
    throw refuse(`is not JSON ${place}`.trimEnd())
  }
  const result = schema.safeParse(json)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw refuse(
    `is not as docker writes it: ${issue?.path.join('.') || 'the file'}: ${issue?.message}`,
  )
}
