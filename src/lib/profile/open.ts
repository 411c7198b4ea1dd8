import {imageRewriter, rewriteServer, type ImageRewriter} from '../catalog/image-rewrite.ts'
import {loadCatalogs, type CatalogInput, type Catalogs} from '../catalog/store.ts'
import type {CatalogServer} from '../model/catalog.ts'
import {chooseProfile, type ProfileChoice, type ProfileInput} from './choice.ts'
import {profileOf} from './document-servers.ts'
import {readProfile, type Profile, type ProfileSources} from './legacy.ts'

/** Which servers, and what is set for them: of a profile, or of other files than the usual ones. */
export interface ServersSelection extends Omit<ProfileSources, 'cwd'>, ProfileChoice {
  readonly catalogs?: readonly string[] | undefined
  readonly additionalCatalogs?: readonly string[] | undefined
  /** Servers that are on besides, and win over all others of their names. */
  readonly extra?: readonly CatalogServer[] | undefined
}

/** All servers that can be used, and those that are on. */
export interface OpenServers {
  readonly catalogs: Catalogs
  readonly profile: Profile
  /** By name: those of the catalogs and of the profile, as they are to be run. */
  readonly servers: ReadonlyMap<string, CatalogServer>
}

/**
 * Reads catalogs and a profile, and puts them together.
 * @throws PluginError for files that are wrong; see `loadCatalogs`, `chooseProfile` and `readProfile`
 */
export async function openServers(
  input: ProfileInput,
  selection: ServersSelection = {},
): Promise<OpenServers> {
  const {catalogs: names, additionalCatalogs: additional, extra = [], ...sources} = selection
  const [catalogs, chosen] = await Promise.all([
    loadCatalogs(input, {catalogs: names, additional}),
    chooseProfile(input, sources),
  ])
  const profile =
    chosen.kind === 'files'
      ? await readProfile(input.paths, {...sources, cwd: input.cwd})
      : profileOf(chosen.id, chosen.read, catalogs)
  const open = withExtra(together(catalogs, profile), extra)
  return {...open, servers: await fromMirrors(input, open.servers)}
}

function withExtra(open: OpenServers, extra: readonly CatalogServer[]): OpenServers {
  const own = extra.map(server => [server.name, server] as const)
  const enabled = [...new Set([...open.profile.enabled, ...own.map(([name]) => name)])]
  return {
    ...open,
    profile: {...open.profile, enabled},
    servers: new Map([...open.servers, ...own]),
  }
}

/** The servers of a profile win over those of catalogs, also with what is wrong with them. */
function together(catalogs: Catalogs, profile: Profile): OpenServers {
  const {entries, problems, id} = profile
  const isOwn = new Set([...entries.keys(), ...problems.map(({server}) => server)])
  const others = [...catalogs.servers].filter(([name]) => !isOwn.has(name))
  return {
    catalogs: {
      ...catalogs,
      problems: [...catalogs.problems.filter(({server}) => !isOwn.has(server)), ...problems],
      origins: new Map([
        ...catalogs.origins,
        ...[...isOwn].map(name => [name, `profile:${id}`] as const),
      ]),
    },
    profile,
    servers: new Map([...others, ...entries]),
  }
}

/** The servers as they are to be run: their images from where the gateway's file says. */
async function fromMirrors(
  input: CatalogInput,
  servers: ReadonlyMap<string, CatalogServer>,
): Promise<ReadonlyMap<string, CatalogServer>> {
  const {images} = await input.settings()
  if (!images?.rewrite?.length) return servers
  const {rewrite} = await mirrorsOf(input)
  return new Map([...servers].map(([name, server]) => [name, rewriteServer(server, rewrite)]))
}

/**
 * What the gateway's file says of where images come from.
 * @throws PluginError FILE_INVALID naming the file and the rule
 */
export async function mirrorsOf({
  settings,
  gatewayFile,
  paths,
}: CatalogInput): Promise<ImageRewriter> {
  const {images} = await settings()
  return imageRewriter(images?.rewrite ?? [], gatewayFile ?? paths.gatewayFile)
}
