import {remarks} from '../catalog/remarks.ts'
import {leftOut} from '../catalog/store.ts'
import {homeDir} from '../files/paths.ts'
import type {CatalogServer} from '../model/catalog.ts'
import {openServers, type OpenServers} from '../profile/open.ts'
import type {ServersInput} from '../profile/servers.ts'
import {openProfileChain} from '../profile/secrets.ts'
import {passedOverLine, type SecretSource} from '../secrets/source.ts'
import {borrowedSecrets} from './borrowed-secrets.ts'
import {buildPlan, declaredSecrets, type Plan} from './plan.ts'

/** Which of the things that a user configured count. */
export interface FactsSelection {
  /** Names of servers, instead of those that are on. */
  readonly servers?: readonly string[] | undefined
  readonly enableAllServers: boolean
  readonly catalogs?: readonly string[] | undefined
  readonly additionalCatalogs?: readonly string[] | undefined
  readonly registry?: readonly string[] | undefined
  readonly config?: readonly string[] | undefined
  readonly toolsConfig?: readonly string[] | undefined
  /** The id of a profile, instead of the one that counts otherwise. */
  readonly profile?: string | undefined
  readonly profileFile?: string | undefined
  /** The value of `--secrets`; without it, what the profile says. */
  readonly secrets?: string | undefined
  readonly tools?: readonly string[] | undefined
  /** Looks up servers that are on besides, whatever else is chosen; the same ones each time. */
  readonly extra?: (() => Promise<readonly CatalogServer[]>) | undefined
  /** What servers may take to start whose entries say nothing of it, in milliseconds. */
  readonly startTimeoutMs?: number | undefined
}

/** Everything that a user configured, read and put together; read anew when it may have changed. */
export interface Facts extends OpenServers {
  readonly plan: Plan
  /** Those that the servers of the plan declare: no other is read. */
  readonly secrets: SecretSource
  /** What a person must know: what is left out, and what does nothing. */
  readonly notices: readonly string[]
}

/**
 * Reads everything that says what a gateway serves. Starts nothing.
 * @throws PluginError for files that are wrong; a server that cannot run is part of the plan, with the reason
 */
export async function readFacts(input: ServersInput, selection: FactsSelection): Promise<Facts> {
  const {
    registry,
    config,
    toolsConfig,
    catalogs: names,
    additionalCatalogs,
    profile: id,
    profileFile,
  } = selection
  const extra = (await selection.extra?.()) ?? []
  const open = await openServers(input, {
    extra,
    catalogs: names,
    additionalCatalogs,
    registry,
    config,
    tools: toolsConfig,
    profile: id,
    profileFile,
  })
  const {catalogs, profile, servers} = open
  const chosen = [...new Set([...chosenNames(selection, open), ...extra.map(({name}) => name)])]
  const refused = leftOut(catalogs)
  // Who is to run is told of with the other failures.
  const others = [...refused].filter(([name]) => !chosen.includes(name)).map(([, line]) => line)
  const plan = buildPlan({
    home: homeDir(input.env),
    names: chosen,
    refused,
    servers,
    config: profile.config,
    tools: profile.tools,
    toolFilter: selection.tools,
    startTimeoutMs: selection.startTimeoutMs,
  })
  const chain = await openProfileChain(selection.secrets, profile, input)
  const declared = declaredSecrets(plan)
  const secrets = await chain.read(declared)
  return {
    ...open,
    plan,
    secrets,
    notices: [
      ...declared.flatMap(name => passedOverLine(name, secrets) ?? []),
      ...catalogs.broken.map(({line}) => line),
      ...others,
      ...profile.notices,
      ...remarks(catalogs, chosen),
      ...(await borrowedSecrets(chosen, {catalogs, profile, secrets, embedded: input.embedded})),
    ],
  }
}

function chosenNames(
  selection: FactsSelection,
  {profile, servers}: OpenServers,
): readonly string[] {
  return selection.enableAllServers ? [...servers.keys()] : (selection.servers ?? profile.enabled)
}
