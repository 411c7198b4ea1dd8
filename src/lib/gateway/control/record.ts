import {rm} from 'node:fs/promises'
import {hostname} from 'node:os'
import {basename, join} from 'node:path'
import * as z from 'zod'
import {isOwner} from '../../engine/owner.ts'
import {writeFileAtomic} from '../../files/atomic.ts'
import {isGatewayName} from '../background/name.ts'
import {keptFiles, readKept} from '../../files/kept.ts'

/** What a running gateway leaves on the disk, so that others find it. */
export interface GatewayRecord {
  /** The gateway's own id, which every container of it carries as the label `docker-mcp-owner`. */
  readonly owner: string
  readonly pid: number
  /** The machine, or the container, that it runs on; elsewhere its socket cannot be judged. */
  readonly host: string
  /** Where it answers questions: a Unix socket, or a named pipe of Windows. */
  readonly socket: string
  /** ISO 8601 */
  readonly startedAt: string
  readonly version: string
  /** `stdio`, `streaming` or `sse` */
  readonly transport: string
  /** Where its clients reach it, for those over HTTP. */
  readonly address?: string
  /** By which it is stopped and connected to. At most one gateway of a name runs; most have none. */
  readonly name?: string
  /** The address of the engine that it speaks to, for those with a name; gateways of earlier versions do not tell. */
  readonly engine?: string
}

const recordSchema = z.object({
  // It becomes a part of file names.
  owner: z.string().refine(isOwner),
  pid: z.int().positive(),
  host: z.string().max(255),
  // Sockets of the abstract name space begin with a zero byte: anybody may listen there.
  socket: z.string().regex(/^[^\0]{1,1024}$/),
  startedAt: z.iso.datetime(),
  version: z.string().max(100),
  transport: z.string().max(100),
  address: z.string().max(1024).exactOptional(),
  name: z.string().refine(isGatewayName).exactOptional(),
  engine: z.string().max(1024).exactOptional(),
})

/** The folder of the records, in the one where this program keeps its state. */
export function recordsDir(stateDir: string): string {
  return join(stateDir, 'gateways')
}

/** Reads the text of a record. @returns undefined when it is none */
export function parseRecord(text: string): GatewayRecord | undefined {
  try {
    return recordSchema.safeParse(JSON.parse(text)).data
  } catch (error) {
    // RangeError: deeper than the schema can follow.
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined
    throw error
  }
}

/** @throws PluginError FILE_DENIED naming the file */
export async function writeRecord(stateDir: string, record: GatewayRecord): Promise<void> {
  await writeFileAtomic(fileOf(stateDir, record.owner), `${JSON.stringify(record)}\n`, {
    mode: 0o600,
  })
}

/** All records, the oldest gateway first. A file that is none, or cannot be read, is left alone. */
export async function readRecords(stateDir: string): Promise<readonly GatewayRecord[]> {
  const names = (await keptFiles(recordsDir(stateDir))).filter(name => name.endsWith('.json'))
  const records = await Promise.all(
    names.map(async name => {
      const record = parseRecord((await readKept(join(recordsDir(stateDir), name))) ?? '')
      return record && name === `${record.owner}.json` ? [record] : []
    }),
  )
  return records.flat().toSorted((a, b) => order(a).localeCompare(order(b)))
}

/** Removes a gateway's record. One that is gone already is no matter. */
export async function removeRecord(stateDir: string, owner: string): Promise<void> {
  await rm(fileOf(stateDir, owner), {force: true})
}

/**
 * Removes what a gateway left that was killed: its record, and the socket that is named after it. Those of other
 * machines stay: from here nobody can tell whether they run.
 */
export async function removeDead(stateDir: string, record: GatewayRecord): Promise<void> {
  if (record.host !== hostname()) return
  await removeRecord(stateDir, record.owner)
  // A record is only a file: it must not make us remove any other.
  if (basename(record.socket) === `${record.owner}.sock`) await rm(record.socket, {force: true})
}

function fileOf(stateDir: string, owner: string): string {
  return join(recordsDir(stateDir), `${owner}.json`)
}

function order({startedAt, owner}: GatewayRecord): string {
  return `${startedAt} ${owner}`
}
