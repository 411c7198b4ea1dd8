import {messageOf, PluginError} from '../base/errors.ts'
import {isJsonObject, type JsonObject} from '../base/json.ts'
import type {ClientFile} from './client.ts'
import {readClientText} from './client-text.ts'
import {fileFormat} from './formats.ts'
import {profileIn, serverEntries, type ServerEntry} from './server-entries.ts'

/** What a client's file says of servers. */
export interface ClientServers {
  readonly entries: readonly ServerEntry[]
  /** Our entry, by whatever transport. */
  readonly own?: ServerEntry | undefined
  /** The profile that our entry names; empty for the one in use, and for a gateway that runs elsewhere. */
  readonly profile: string
}

/**
 * Reads a client's file.
 * @returns undefined when there is none
 * @throws PluginError FILE_DENIED; FILE_INVALID, with line and column where there is one
 */
export async function readClientFile(
  path: string,
  file: ClientFile,
): Promise<ClientServers | undefined> {
  const text = await readClientText(path)
  if (text === undefined) return undefined
  const entries = serverEntries(await rootOf(text, {path, file}), file, path)
  const own = entries.find(({name}) => name === file.key)
  return {entries, own, profile: profileIn(own?.args ?? [])}
}

/** Most files are plain JSON, which the engine of JavaScript reads many times as fast. */
async function rootOf(
  text: string,
  {path, file}: {path: string; file: ClientFile},
): Promise<JsonObject> {
  if (file.format === 'json') {
    try {
      const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''))
      if (isJsonObject(value)) return value
    } catch {
      // It may have comments; if it is broken, the other reader says where.
    }
  }
  return (await fileFormat(file.format)).read(text, path)
}

/** What went wrong with a client, as docker's own plugin puts it. */
export interface ClientError {
  readonly type: 'permission' | 'unknown'
  readonly error: string
}

/** @param error whatever was thrown */
export function clientError(error: unknown): ClientError {
  const isDenied = error instanceof PluginError && error.code === 'FILE_DENIED'
  return {type: isDenied ? 'permission' : 'unknown', error: messageOf(error)}
}
