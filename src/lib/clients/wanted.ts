import {isDeepStrictEqual} from 'node:util'
import {isJsonObject, type Json, type JsonObject} from '../base/json.ts'
import type {Change} from './change.ts'
import type {ClientFile, Launch, Remote} from './client.ts'
import {DOCKER_VARIABLES} from './launch.ts'
import {launchLike} from './relaunch.ts'
import {addressOf, profileIn} from './server-entries.ts'

/** What a client is connected to: a gateway that it starts, or one that runs. */
export type Gateway =
  | {
      readonly kind: 'launch'
      readonly launch: Launch
      /** Nobody said which: an address that is there stays, and so does the gateway in the background. */
      readonly keepsKind?: boolean | undefined
    }
  | {readonly kind: 'remote'; readonly remote: Remote; readonly entry: JsonObject}

/**
 * Our entry as it should be, with what a person has set in the one that is there: switches, time limits, variables, flags of
 * the gateway, and its profile as long as no other one is wanted. What belongs to the other kind of entry goes, and so do the
 * headers of another address: they may hold a token.
 * @param current what stands there now
 */
export function wantedEntry(
  file: ClientFile,
  gateway: Gateway,
  current: Json | undefined,
): JsonObject {
  if (!isJsonObject(current)) return entryOf(file, gateway)
  const launched = file.entry({command: '', args: [], env: {A: ''}})
  const addressed = file.urlEntry?.({url: '', token: ''}) ?? {}
  // What both kinds have alike is where a person's own value counts.
  const isDefault = (key: string, value: Json | undefined) =>
    isDeepStrictEqual(launched[key], addressed[key]) && isDeepStrictEqual(value, launched[key])
  const entry = entryOf(file, likeCurrent(gateway, current))
  const dropped = droppedKeys(gateway.kind, current, {launched, addressed})
  const kept = Object.fromEntries(Object.entries(current).filter(([key]) => !dropped.has(key)))
  const merged = Object.entries(entry).map(([key, value]) => [
    key,
    isDefault(key, value) && kept[key] !== undefined
      ? kept[key]
      : withOthers(current[key], value, gateway),
  ])
  return {...kept, ...Object.fromEntries(merged)}
}

/**
 * The address of an entry that stays as it is, since nobody said that the client is to start a gateway instead. A profile
 * says so: a gateway that runs has its own.
 * @returns undefined when the entry is to be written
 */
export function addressKept(gateway: Gateway, current: Json | undefined): string | undefined {
  if (gateway.kind !== 'launch' || gateway.keepsKind !== true || !isJsonObject(current)) return
  return profileIn(gateway.launch.args) === '' ? addressOf(current) || undefined : undefined
}

/**
 * An entry as it is when docker is to be found as it is here: the variables that once led it elsewhere go, all others stay.
 * @returns `left`: those that went
 */
export function followDocker(
  file: ClientFile,
  gateway: Gateway,
  current: Json | undefined,
): {entry: Json | undefined; left: readonly string[]} {
  const none = {entry: current, left: []}
  const member = variablesOf(file)
  if (gateway.kind !== 'launch' || !isJsonObject(current) || member === undefined) return none
  const {[member]: had, ...others} = current
  const wanted = gateway.launch.env ?? {}
  if (!isJsonObject(had)) return none
  const left = DOCKER_VARIABLES.filter(
    name => Object.hasOwn(had, name) && !Object.hasOwn(wanted, name),
  )
  if (left.length === 0) return none
  const kept = Object.fromEntries(Object.entries(had).filter(([name]) => !left.includes(name)))
  return {entry: Object.keys(kept).length === 0 ? others : {...others, [member]: kept}, left}
}

/** What the client calls the map of variables. */
function variablesOf(file: ClientFile): string | undefined {
  const env = {A: ''}
  const probe = file.entry({command: '', args: [], env})
  return Object.keys(probe).find(key => isDeepStrictEqual(probe[key], env))
}

function entryOf(file: ClientFile, gateway: Gateway): JsonObject {
  return gateway.kind === 'launch' ? file.entry(gateway.launch) : gateway.entry
}

function likeCurrent(gateway: Gateway, current: JsonObject): Gateway {
  return gateway.kind === 'launch'
    ? {...gateway, launch: launchLike(gateway.launch, current, gateway.keepsKind === true)}
    : gateway
}

/** What clients have besides for one kind only; Codex does not start with those of the other. */
const FOR_LAUNCH = ['cwd', 'env_vars', 'envFile']
const FOR_ADDRESS = [
  // All words for an address: which one a client takes has changed with its versions.
  'url',
  'httpUrl',
  'serverUrl',
  'uri',
  'bearer_token',
  'bearer_token_env_var',
  'env_http_headers',
  'oauth',
  'oauth_resource',
  'scopes',
]

function droppedKeys(
  kind: Gateway['kind'],
  current: JsonObject,
  {launched, addressed}: {launched: JsonObject; addressed: JsonObject},
): ReadonlySet<string> {
  const isShared = (key: string) => isDeepStrictEqual(launched[key], addressed[key])
  const own = (...entries: JsonObject[]) =>
    entries.flatMap(Object.keys).filter(key => !isShared(key))
  const hadAddress = Object.keys(addressed).some(
    key => !Object.hasOwn(launched, key) && Object.hasOwn(current, key),
  )
  // Where goose has the name of the variable with the token.
  const names = hadAddress ? ['env_keys'] : []
  return new Set(
    kind === 'launch'
      ? [...own(addressed), ...FOR_ADDRESS, ...names]
      : [...own(launched, addressed), ...FOR_LAUNCH, ...FOR_ADDRESS, ...names],
  )
}

/** Variables that a person added to ours stay. */
function withOthers(
  current: Json | undefined,
  wanted: Json | undefined,
  {kind}: Gateway,
): Json | undefined {
  const isMerged = kind === 'launch' && isJsonObject(current) && isJsonObject(wanted)
  return isMerged ? {...current, ...wanted} : wanted
}

/** The place of our entry in a client's file, as its editor wants it. */
export function changeIn(file: ClientFile, value: JsonObject | undefined): Change {
  const {container, key, list} = file
  return {container, key, list, value}
}
