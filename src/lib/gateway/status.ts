import {createHash} from 'node:crypto'
import {join} from 'node:path'
import * as z from 'zod'
import {PluginError} from '../base/errors.ts'
import {writeFileAtomic} from '../files/atomic.ts'
import {keptFiles, readKept} from '../files/kept.ts'
import type {ConnectedSpec} from '../model/server.ts'
import type {PlannedServer} from './plan.ts'

/** What the last start of a server came to, kept between runs so that `server status` can tell. */
export interface ServerRecord {
  readonly server: string
  readonly state: 'ready' | 'failed'
  /** When, ISO 8601. */
  readonly at: string
  readonly error?:
    | {readonly code: string; readonly message: string; readonly hint?: string | undefined}
    | undefined
  /** For which specification all this holds; nothing for a server that had none. */
  readonly fingerprint?: string | undefined
}

const recordSchema = z.object({
  server: z.string(),
  state: z.enum(['ready', 'failed']),
  at: z.string(),
  error: z.object({code: z.string(), message: z.string(), hint: z.string().optional()}).optional(),
  fingerprint: z.string().optional(),
})

/** The records of all servers: one small file each, so that two gateways never write over each other's. */
export interface StatusStore {
  read(): Promise<ReadonlyMap<string, ServerRecord>>
  ready(server: string, spec: ConnectedSpec): Promise<void>
  failed(server: string, error: PluginError, spec: ConnectedSpec | undefined): Promise<void>
}

/** @param dir the folder of the records; made when the first is written */
export function statusStore(dir: string, now: () => Date): StatusStore {
  const write = (record: ServerRecord) =>
    writeFileAtomic(fileOf(dir, record.server), `${JSON.stringify(record)}\n`, {mode: 0o600})
  return {
    async read() {
      const records = new Map<string, ServerRecord>()
      for (const file of await keptFiles(dir)) {
        if (!file.endsWith('.json')) continue
        const record = parseRecord(await readKept(join(dir, file)))
        if (record) records.set(record.server, record)
      }
      return records
    },
    ready: (server, spec) =>
      write({
        server,
        state: 'ready',
        at: now().toISOString(),
        fingerprint: fingerprint(spec),
      }),
    failed: (server, {code, message, hint}, spec) =>
      write({
        server,
        state: 'failed',
        at: now().toISOString(),
        error: {code, message, hint},
        ...(spec && {fingerprint: fingerprint(spec)}),
      }),
  }
}

/** Tells whether a server is still the one that a record was made of. */
export function fingerprint(spec: ConnectedSpec): string {
  return createHash('sha256').update(JSON.stringify(spec)).digest('hex')
}

/** A server may be called anything; a file may not. The name that counts is the one in the record. */
function fileOf(dir: string, server: string): string {
  const isPlain = /^[A-Za-z0-9][\w.-]{0,99}$/.test(server)
  const name = isPlain ? server : createHash('sha256').update(server).digest('hex')
  return join(dir, `${name}.json`)
}

function parseRecord(text: string | undefined): ServerRecord | undefined {
  if (text === undefined) return undefined
  try {
    return recordSchema.safeParse(JSON.parse(text)).data
  } catch (error) {
    // RangeError: deeper than the schema can follow.
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined
    throw error
  }
}

/** What tells each server from one of the same name that was another one. */
export function fingerprints(servers: readonly PlannedServer[]): ReadonlyMap<string, string> {
  return new Map(
    servers.flatMap(({name, start}): [string, string][] =>
      start instanceof PluginError ? [] : [[name, fingerprint(start)]],
    ),
  )
}
