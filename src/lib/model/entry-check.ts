import {messageOf} from '../base/errors.ts'
import {parseAllowRule} from './allow-rule.ts'
import type {CatalogServer} from './catalog.ts'
import {httpInside, portClash, PROXY_PORT} from './http-inside.ts'
import {fileVariable, isFileName, secretFile} from './secret-file.ts'
import {parseTmpfs} from './tmpfs.ts'

/** What keeps a server from running as its entry says, and the key that says it. */
interface EntryProblem {
  readonly path: string
  readonly message: string
}

/**
 * Looks for what no key of an entry shows alone: nothing to run, or keys that cannot hold together.
 * @param server each of its keys is as it should be
 */
export function entryProblem(server: CatalogServer): EntryProblem | undefined {
  if (!server.image) return outsideProblem(server)
  return portProblem(server) ?? mountProblem(server) ?? secretProblem(server)
}

function outsideProblem(server: CatalogServer): EntryProblem | undefined {
  const path = server.remote?.url ? 'remote.url' : 'sseEndpoint'
  const url = server.remote?.url || server.sseEndpoint
  if (url) {
    if (url.includes('{{') || /^https?:$/u.test(URL.parse(url)?.protocol ?? '')) return undefined
    return {path, message: 'must be an http or https address'}
  }
  if (server.tools?.some(tool => tool.container)) return undefined
  return {
    path: '',
    message: 'nothing to run: needs an image, a remote.url, or tools that have a container',
  }
}

/** So many ports the program listens on that stands between a container and its allowed hosts. */
const MOST_PORTS = 64

function portProblem({allowHosts = [], remote}: CatalogServer): EntryProblem | undefined {
  const rules = allowHosts.map(parseAllowRule)
  const ports = new Set([PROXY_PORT, ...rules.map(({port}) => port)])
  if (ports.size > MOST_PORTS) {
    return {path: 'allowHosts', message: `has more than ${MOST_PORTS - 1} different ports`}
  }
  const url = remote?.url ?? ''
  try {
    // With a template in it, it is looked at when the server is bound.
    const http = url.includes('{{') ? undefined : httpInside(url, remote?.transport_type)
    return portClash(http, rules)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return {path: 'remote.url', message: messageOf(error)}
  }
}

function mountProblem({tmpfs = []}: CatalogServer): EntryProblem | undefined {
  const paths = tmpfs.map(written => parseTmpfs(written).path)
  const again = paths.findIndex((path, index) => paths.indexOf(path) !== index)
  if (again === -1) return undefined
  return {path: `tmpfs.${again}`, message: 'has the path of another one'}
}

/** Values are known by their variables: a secret that is a file shares none, be it to say where the file is. */
function secretProblem({secrets = []}: CatalogServer): EntryProblem | undefined {
  const uses = secrets.map(secret => {
    const file = secretFile(secret)
    const variables = file === undefined ? [] : [fileVariable(secret.env, file)[0]]
    return {file, variables: [secret.env, ...variables]}
  })
  for (const [index, {file, variables}] of uses.entries()) {
    if (file === undefined) continue
    const path = `secrets.${index}.file`
    if (!isFileName(file)) return {path, message: 'must be a plain file name'}
    const others = uses.filter(other => other !== uses[index])
    if (others.some(other => other.file === file)) {
      return {path, message: `${JSON.stringify(file)} is the file of another secret, too`}
    }
    const shared = variables.find(name => others.some(other => other.variables.includes(name)))
    if (shared !== undefined) {
      return {path, message: `its variable ${shared} is that of another secret, too`}
    }
  }
  return undefined
}
