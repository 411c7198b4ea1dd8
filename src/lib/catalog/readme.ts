import {PluginError} from '../base/errors.ts'
import type {Json} from '../base/json.ts'
import {reachOf} from './reach.ts'
import type {CatalogInput} from './store.ts'

/** As in docker's own plugin. */
const LARGEST_README = 5 * 1024 * 1024
/** Somebody waits for it who asked for something else. */
const README_MS = 5000

/**
 * The text at a server's `readme`, as docker's own plugin calls it. One that cannot be had is told, and left out: what
 * is known of the server is shown all the same.
 * @param readme the address in its entry, if there is one
 */
export async function readmeContent(
  readme: Json | undefined,
  input: CatalogInput,
): Promise<{readonly readmeContent?: string}> {
  if (typeof readme !== 'string' || readme === '') return {}
  try {
    const {protocol, host} = URL.parse(readme) ?? {}
    if (host === '') throw notOfWeb(protocol)
    // Few catalogs have them.
    const {fetchPublic} = await import('../net/fetch.ts')
    const limits = {maxBytes: LARGEST_README, timeoutMs: README_MS}
    const {text} = await fetchPublic(readme, {...(await reachOf(input)), ...limits})
    return {readmeContent: text}
  } catch (error) {
    if (!(error instanceof PluginError)) throw error
    input.notify?.(`! its readme is left out: ${error.message}`)
    return {}
  }
}

/** It has no host that could be named in words about whom may be asked. */
function notOfWeb(protocol = ''): PluginError {
  return new PluginError('ADDRESS_REFUSED', `its address is of ${protocol}, and not of https:`)
}
