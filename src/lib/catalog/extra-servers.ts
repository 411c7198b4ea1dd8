import {PluginError} from '../base/errors.ts'
import {oneLine} from '../base/one-line.ts'
import {pullArtifact} from '../images/artifact.ts'
import {normalizeReference} from '../images/reference.ts'
import type {CatalogServer} from '../model/catalog.ts'
import {ALL_KINDS, convertServer} from './community/convert.ts'
import {catalogName} from './community/name.ts'
import {describedAt} from './community/resolve.ts'
import {readServerJson, type ServerJson} from './community/server-json.ts'
import {readEntry} from './entry.ts'
import {describedServer} from './self-described.ts'
import {imageInput, registryInput, type ServerRefInput} from './server-refs.ts'

/** Servers that are named for one gateway, beside those of catalogs. */
export interface ExtraRefs {
  /** Artefacts with a `server.json`, or images that describe themselves. */
  readonly ociRefs: readonly string[]
  /** Addresses of a `server.json` each. */
  readonly mcpRegistries: readonly string[]
}

/** As docker's own plugin stores a server by itself. */
const ARTIFACT = 'application/vnd.docker.mcp.server'

/**
 * Looks up servers that are named for one gateway. Those of artefacts have their own names, those of addresses one with
 * `mcp-registry-` in front, and a number behind it where two would be the same.
 * @throws PluginError what keeps one of them from being looked up or used
 */
export async function extraServers(
  {ociRefs, mcpRegistries}: ExtraRefs,
  input: ServerRefInput,
): Promise<readonly CatalogServer[]> {
  const [fromImages, described] = await Promise.all([
    Promise.all(ociRefs.map(ref => serverOfArtifact(ref, input))),
    registryInput(input).then(registry =>
      Promise.all(mcpRegistries.map(address => describedAt(address, registry))),
    ),
  ])
  const taken = new Set<string>()
  const fromAddresses = described.map(({server, runtime}) => {
    const name = freeName(`mcp-registry-${shortName(server)}`, taken)
    const {entry} = convertServer(server, {kinds: ALL_KINDS, runtime, name})
    return readEntry(name, entry)
  })
  return [...fromImages, ...fromAddresses]
}

async function serverOfArtifact(written: string, input: ServerRefInput): Promise<CatalogServer> {
  // As other commands have it.
  const ref = written.replace(/^docker:\/\//i, '')
  const images = await imageInput(input)
  const layer = await pullArtifact(images.rewrite(ref), {artifactType: ARTIFACT}, images).catch(
    async (error: unknown) => {
      if (!(error instanceof PluginError) || error.code !== 'FETCH_FAILED') throw error
      return {error, described: await describedOrNone(ref, input)}
    },
  )
  if ('described' in layer) {
    if (layer.described) return layer.described
    throw layer.error
  }
  const {entry, name} = convertServer(readServerJson(parse(layer.layer, ref), ref), {
    kinds: ALL_KINDS,
  })
  return readEntry(name, entry)
}

/** @returns undefined for what is no image that can be had */
async function describedOrNone(
  ref: string,
  input: ServerRefInput,
): Promise<CatalogServer | undefined> {
  try {
    const {name, entry} = await describedServer(ref, await imageInput(input))
    return readEntry(name, entry)
  } catch (error) {
    if (error instanceof PluginError && error.code === 'IMAGE_MISSING') return undefined
    throw error
  }
}

function parse(text: string, ref: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new PluginError('CATALOG_INVALID', `${oneLine(ref)} holds no JSON`, {
      hint: 'name an artefact with the server.json of one server',
      cause: error,
    })
  }
}

/** Of a server with an image, the last part of the image's name. */
function shortName(server: ServerJson): string {
  const {entry, name} = convertServer(server, {kinds: ALL_KINDS})
  const {image} = readEntry(name, entry)
  const isOwn = !entry['remote'] && entry['longLived'] !== true
  const {repository} = (isOwn && image && normalizeReference(image)) || {}
  return catalogName(repository?.split('/').at(-1) ?? '') || name
}

function freeName(name: string, taken: Set<string>): string {
  let free = name
  for (let count = 1; taken.has(free); count += 1) free = `${name}-${count}`
  taken.add(free)
  return free
}
