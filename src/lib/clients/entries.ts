import type {Json, JsonObject} from '../base/json.ts'
import type {ClientFile, Launch, Remote} from './client.ts'

/** What our entry is called in every client but goose, as in docker's own plugin. */
export const ENTRY_KEY = 'MCP_DOCKER'
/** The same where a name has letters only. */
export const SIMPLE_KEY = 'mcpdocker'

type Members = Readonly<Record<string, Json>>

/** `{command, args, env?}`, which most clients know, and what one wants besides. */
export const command =
  (before: Members = {}, after: Members = {}) =>
  ({command: program, args, env}: Launch): JsonObject => ({
    ...before,
    command: program,
    args: [...args],
    ...(env ? {env: {...env}} : {}),
    ...after,
  })

/** `{url, headers?}`: `member` is the client's word for the address. */
export const address =
  (before: Members = {}, member = 'url', after: Members = {}) =>
  ({url, token}: Remote): JsonObject => ({
    ...before,
    [member]: url,
    ...(token === undefined ? {} : {headers: bearer(token)}),
    ...after,
  })

/** A JSON file with the map `mcpServers`, which most clients have. */
export function mcpServers(
  entry: ClientFile['entry'] = command(),
  urlEntry: ClientFile['urlEntry'] = address(),
): ClientFile {
  return {format: 'json', container: ['mcpServers'], key: ENTRY_KEY, entry, urlEntry}
}

/** A JSON file of Visual Studio Code and its kin. */
export const servers: ClientFile = {
  format: 'json',
  container: ['servers'],
  key: ENTRY_KEY,
  entry: command({}, {type: 'stdio'}),
  urlEntry: address({type: 'http'}),
}

/** A TOML file of Codex and its kin; `headers` is its word for them. */
export function tables(headers: string): ClientFile {
  return {
    format: 'toml',
    container: ['mcp_servers'],
    key: ENTRY_KEY,
    entry: command(),
    urlEntry: ({url, token}) => ({url, ...(token === undefined ? {} : {[headers]: bearer(token)})}),
  }
}

/** A JSON file of opencode and its kin: the command is one list with its arguments. */
export const opencodeServers: ClientFile = {
  format: 'json',
  container: ['mcp'],
  key: ENTRY_KEY,
  entry: ({command: program, args, env}) => ({
    type: 'local',
    command: [program, ...args],
    ...(env ? {environment: {...env}} : {}),
    enabled: true,
  }),
  urlEntry: address({type: 'remote'}, 'url', {enabled: true}),
}

/** Goose's extension; it has what goose itself writes. */
export function gooseCommand({command: program, args, env}: Launch): JsonObject {
  return {
    args: [...args],
    bundled: null,
    cmd: program,
    description: GOOSE_DESCRIPTION,
    enabled: true,
    env_keys: [],
    envs: {...env},
    name: SIMPLE_KEY,
    timeout: GOOSE_SECONDS,
    type: 'stdio',
  }
}

/** Goose's extension for a gateway that runs. */
export function gooseAddress({url, token}: Remote): JsonObject {
  return {
    bundled: null,
    description: GOOSE_DESCRIPTION,
    enabled: true,
    env_keys: [],
    envs: {},
    headers: token === undefined ? {} : bearer(token),
    name: SIMPLE_KEY,
    timeout: GOOSE_SECONDS,
    type: 'streamable_http',
    uri: url,
  }
}

const GOOSE_DESCRIPTION = 'MCP servers in containers, through docker mcp'
const GOOSE_SECONDS = 300

/** Continue has the headers among the options of a request. */
export function continueAddress({url, token}: Remote): JsonObject {
  const options = token === undefined ? {} : {requestOptions: {headers: bearer(token)}}
  return {type: 'streamable-http', url, ...options}
}

/** Copilot in JetBrains has them there as well, by another name. */
export function copilotAddress({url, token}: Remote): JsonObject {
  return {url, ...(token === undefined ? {} : {requestInit: {headers: bearer(token)}})}
}

function bearer(token: string): JsonObject {
  return {Authorization: `Bearer ${token}`}
}
