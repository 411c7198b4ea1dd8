import {stat} from 'node:fs/promises'
import {pathToFileURL} from 'node:url'
import type {DatabaseSync} from 'node:sqlite'
import {messageOf, PluginError, systemCode} from '../base/errors.ts'
import {fileDenied} from '../files/denied.ts'

/** What docker's own newer plugin keeps, row by row; what is JSON in it was not read yet. */
export interface ToolkitDatabase {
  readonly profiles: readonly ToolkitProfile[]
  readonly catalogs: readonly ToolkitCatalog[]
}

export interface ToolkitProfile {
  readonly id: string
  readonly name: string
  /** JSON: a list of elements as in an exported profile. */
  readonly servers: string
}

export interface ToolkitCatalog {
  readonly ref: string
  readonly digest: string
  readonly title: string
  readonly source: string
  readonly lastUpdated: string
  /** JSON, each `{server: <entry>}`. */
  readonly snapshots: readonly string[]
}

/** The newest shape of the database that is known here. */
const NEWEST_SCHEMA = 6
/** What people have in it comes nowhere near this. */
const LARGEST_BYTES = 512 * 1024 * 1024

/**
 * Reads the database of docker's own newer plugin, and never writes to it, not even a lock.
 * @throws PluginError FILE_BUSY while docker's plugin writes to it; FILE_INVALID for one that is damaged, half migrated,
 *   or newer than this program; FILE_DENIED
 */
export async function readToolkitDatabase(file: string): Promise<ToolkitDatabase> {
  await checkAtRest(file)
  const {DatabaseSync: Database} = await import('node:sqlite')
  let database: DatabaseSync | undefined
  try {
    // Immutable: SQLite takes no locks and makes no files beside it.
    const url = new URL(`${pathToFileURL(file).href}?immutable=1`)
    database = new Database(url, {readOnly: true})
    const tables = tablesOf(database)
    checkVersion(database, tables, file)
    return {
      profiles: tables.has('working_set') ? profilesIn(database) : [],
      catalogs: tables.has('catalog') ? catalogsIn(database, tables) : [],
    }
  } catch (error) {
    if (error instanceof PluginError) throw error
    throw invalid(file, `is no database that can be read: ${messageOf(error)}`, error)
  } finally {
    database?.close()
  }
}

/** What a writer left beside it counts, and would be missed. */
async function checkAtRest(file: string): Promise<void> {
  const [size, journal, log] = await Promise.all([
    sizeOf(file),
    sizeOf(`${file}-journal`),
    sizeOf(`${file}-wal`),
  ])
  if (size > LARGEST_BYTES) throw invalid(file, 'is larger than 512 MiB')
  if (journal === 0 && log === 0) return
  throw new PluginError('FILE_BUSY', `docker's own plugin is not done with ${file}`, {
    hint: 'close Docker Desktop and what else uses docker’s own plugin, and try again',
  })
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 0
    throw fileDenied(error, {verb: 'read', path: file})
  }
}

function tablesOf(database: DatabaseSync): ReadonlySet<string> {
  const rows = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all()
  return new Set(rows.map(({name}) => textOf(name)))
}

function checkVersion(database: DatabaseSync, tables: ReadonlySet<string>, file: string): void {
  if (!tables.has('schema_migrations')) throw invalid(file, 'is not the one of docker’s plugin')
  const row = database.prepare('SELECT version, dirty FROM schema_migrations LIMIT 1').get()
  if (row === undefined) throw invalid(file, 'does not say of which version it is')
  if (row['dirty']) throw invalid(file, 'was left half way by an update of docker’s plugin')
  if (Number(row['version']) > NEWEST_SCHEMA) {
    throw invalid(file, `is of a newer version (${Number(row['version'])}) than this program knows`)
  }
}

function profilesIn(database: DatabaseSync): readonly ToolkitProfile[] {
  const rows = database.prepare('SELECT id, name, servers FROM working_set ORDER BY id').all()
  return rows.map(({id, name, servers}) => ({
    id: textOf(id),
    name: textOf(name),
    servers: textOf(servers),
  }))
}

function catalogsIn(
  database: DatabaseSync,
  tables: ReadonlySet<string>,
): readonly ToolkitCatalog[] {
  const rows = database.prepare('SELECT * FROM catalog ORDER BY ref').all()
  const servers = tables.has('catalog_server')
    ? database.prepare('SELECT snapshot FROM catalog_server WHERE catalog_ref = ? ORDER BY id')
    : undefined
  return rows.map(row => ({
    ref: textOf(row['ref']),
    digest: textOf(row['digest']),
    title: textOf(row['title']),
    source: textOf(row['source']),
    lastUpdated: textOf(row['last_updated']),
    snapshots: (servers?.all(row['ref'] ?? null) ?? []).map(({snapshot}) => textOf(snapshot)),
  }))
}

/** SQLite columns have whatever type was written; Go writes JSON as a text or as bytes. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8')
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : ''
}

function invalid(file: string, reason: string, cause?: unknown): PluginError {
  return new PluginError('FILE_INVALID', `${file} ${reason}`, {
    hint: 'export profiles with docker’s own plugin, and import them: docker mcp profile import <file>',
    cause,
  })
}
