import {basename, extname, resolve} from 'node:path'
import {PluginError} from '../base/errors.ts'
import {isJsonObject, type JsonObject} from '../base/json.ts'
import {oneLine} from '../base/one-line.ts'
import {readTextFile} from '../files/atomic.ts'
import {parseYamlMap} from '../files/yaml.ts'
import {parseCatalog} from '../model/catalog.ts'
import {ALL_KINDS, convertServer} from './community/convert.ts'
import {isServerJson, readServerJson} from './community/server-json.ts'
import {readEntry} from './entry.ts'
import {resolvedEntry} from './resolved.ts'
import type {ResolvedServer} from './server-refs.ts'

/**
 * The servers of a file: a catalog, one entry of a catalog, or a `server.json` by itself or in a registry's answer.
 * @param rest what follows `file://`: a path from the root or from the current folder, percent-encoded where need be
 * @throws PluginError USAGE for other files than .yaml, .yml and .json; FILE_MISSING, FILE_INVALID, FILE_DENIED,
 *   CATALOG_INVALID with all that is wrong, SERVER_UNSUPPORTED
 */
export async function serversOfFile(
  rest: string,
  {cwd}: {readonly cwd: string},
): Promise<readonly ResolvedServer[]> {
  return serversInFile(resolve(cwd, decoded(rest)))
}

/**
 * As {@link serversOfFile}, of a file by its path.
 * @throws PluginError like {@link serversOfFile}
 */
export async function serversInFile(file: string): Promise<readonly ResolvedServer[]> {
  if (!/^\.(?:ya?ml|json)$/i.test(extname(file))) {
    throw new PluginError('USAGE', `${oneLine(file)} is neither a .yaml nor a .json file`, {
      hint: 'name a file with a catalog, an entry of one, or a server.json',
    })
  }
  const text = await readTextFile(file)
  if (text === undefined) {
    throw new PluginError('FILE_MISSING', `${file} does not exist`, {
      hint: 'file:// is followed by a path: file:///whole/path, or file://./here',
    })
  }
  return serversIn(parseYamlMap(text, file), file)
}

function serversIn(document: JsonObject, file: string): readonly ResolvedServer[] {
  if (isServerJson(document)) {
    const {entry, name} = convertServer(readServerJson(document, file), {kinds: ALL_KINDS})
    return [resolvedEntry(readEntry(name, entry))]
  }
  if (document['registry'] === undefined) {
    const inner = isJsonObject(document['server']) ? document['server'] : document
    const name = typeof inner['name'] === 'string' ? inner['name'] : basename(file, extname(file))
    return [resolvedEntry(readEntry(name, inner))]
  }
  const {catalog, problems} = parseCatalog(document, file)
  const wrong = problems.filter(({kind}) => kind === 'invalid')
  if (wrong.length === 0) return [...catalog.servers.values()].map(server => resolvedEntry(server))
  const reasons = wrong.map(({server, path, message}) => `${server}: ${path} ${message}`)
  throw new PluginError(
    'CATALOG_INVALID',
    `${file} has servers that are wrong: ${oneLine(reasons.join('; '))}`,
    {
      hint: 'mend them, or take them out',
    },
  )
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new PluginError('USAGE', `file://${oneLine(text)} has a % that encodes nothing`, {
      hint: 'write %25 for a percent sign',
    })
  }
}
