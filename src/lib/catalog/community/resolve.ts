import {PluginError} from '../../base/errors.ts'
import {oneLine} from '../../base/one-line.ts'
import type {ResolvedServer} from '../server-refs.ts'
import {ask, getServer, parseServerAddress, type RegistryInput} from './api.ts'
import {ALL_KINDS, chosenPackage, convertServer} from './convert.ts'
import {addressOf, withSource} from './import.ts'
import {getRuntime} from './runtime.ts'
import {readServerJson, type ServerJson} from './server-json.ts'

/**
 * One server of a community registry, by its address there.
 * @throws PluginError USAGE for another address; those of `getServer` and `convertServer`
 */
export async function serverOfRegistry(
  address: string,
  input: RegistryInput,
): Promise<ResolvedServer> {
  const parsed = parseServerAddress(address)
  if (!parsed) {
    throw new PluginError('USAGE', `${oneLine(address)} is not the address of a server`, {
      hint: 'write it as https://host/v0/servers/<name> or https://host/v0/servers/<name>/versions/<version>',
    })
  }
  const {server, runtime} = await describedAt(address, input)
  const {entry, name} = convertServer(server, {kinds: ALL_KINDS, runtime})
  // The version that it is now, so that it stays the same server.
  const version = server.version ?? server.versionDetail?.version ?? undefined
  const source = addressOf(parsed.base, parsed.name, version)
  return {name, type: 'registry', source, entry: withSource(entry, source)}
}

/** A server as its publisher describes it. */
export interface Described {
  readonly server: ServerJson
  /** The version of Python or Node that its package needs. */
  readonly runtime: string | undefined
}

/**
 * What is at an address: of a server in a registry, or of a `server.json` wherever it is.
 * @throws PluginError like {@link serverOfRegistry}
 */
export async function describedAt(address: string, input: RegistryInput): Promise<Described> {
  const parsed = parseServerAddress(address)
  const answer = parsed ? await getServer(parsed, input) : await ask(address, input)
  const server = readServerJson(answer, address)
  const chosen = server.remotes?.length ? undefined : chosenPackage(server, ALL_KINDS)
  return {server, runtime: chosen && (await getRuntime(chosen.kind, chosen.given, input))}
}
