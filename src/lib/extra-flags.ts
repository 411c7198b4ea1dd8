import {Flags} from '@oclif/core'
import type {ServerRefInput} from './catalog/server-refs.ts'
import {listFlag, listOf, variable} from './list-flag.ts'
import type {CatalogServer} from './model/catalog.ts'

const FILES = {helpGroup: 'Flags for other files than the configured ones'}

/** Servers that are in no catalog. */
export const extraFlags = {
  'oci-ref': Flags.string({
    summary: 'also serve what an artefact or an image describes; may be repeated',
    helpValue: '<image>',
    multiple: true,
    multipleNonGreedy: true,
    env: variable('oci-ref'),
    ...FILES,
  }),
  'mcp-registry': listFlag({
    summary: 'also serve what is at an address of an MCP registry',
    helpValue: '<url>,…',
    env: variable('mcp-registry'),
    ...FILES,
  }),
}

/**
 * Looks up the servers that flags name: once, and again only when that failed, so that a gateway that reads everything
 * anew does not ask others for it.
 * @returns undefined when no flag names one
 */
export function extraServersOf(
  flags: {
    readonly 'oci-ref'?: readonly string[] | undefined
    readonly 'mcp-registry'?: readonly string[] | undefined
  },
  input: ServerRefInput,
): (() => Promise<readonly CatalogServer[]>) | undefined {
  const refs = {
    ociRefs: listOf(flags['oci-ref']) ?? [],
    mcpRegistries: listOf(flags['mcp-registry']) ?? [],
  }
  if (refs.ociRefs.length === 0 && refs.mcpRegistries.length === 0) return undefined
  let found: Promise<readonly CatalogServer[]> | undefined
  return () => {
    found ??= import('./catalog/extra-servers.ts')
      .then(({extraServers}) => extraServers(refs, input))
      .catch((error: unknown) => {
        found = undefined
        throw error
      })
    return found
  }
}
