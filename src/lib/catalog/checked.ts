import {createHash} from 'node:crypto'
import {join} from 'node:path'
import {PluginError} from '../base/errors.ts'
import {writeFileAtomic} from '../files/atomic.ts'
import {readKept} from '../files/kept.ts'
import {parseYamlMap} from '../files/yaml.ts'
import type {Catalog, CatalogProblem} from '../model/catalog.ts'
import {withPlaces} from './check.ts'

/** A catalog's text, read and checked. */
export interface Checked {
  readonly catalog: Catalog
  readonly problems: readonly CatalogProblem[]
  /** Of the text: `sha256:…`. */
  readonly digest: string
}

/** Replaced by the build: what of the program decides how a catalog is read. Without it, nothing is kept. */
const PROGRAM = process.env['DOCKER_MCP_CHECKS']

/** Less text than this is read quicker than a copy is looked for. */
const WORTH_KEEPING = 4096

/**
 * Reads a catalog file's text. The outcome is kept with the text, beside the program's other notes, and used for as long
 * as text and program are the same: reading three hundred servers anew would be most of what `server ls` takes. Texts
 * are compared as they are, since loading what makes digests takes longer.
 * @param text of the file, which a person writes: nothing in it is trusted
 * @throws PluginError FILE_INVALID, CATALOG_INVALID
 */
export async function readChecked(
  text: string,
  {
    file,
    stateDir,
    program = PROGRAM,
  }: {file: string; stateDir: string; program?: string | undefined},
): Promise<Checked> {
  if (program === undefined || text.length < WORTH_KEEPING) return check(text, file)
  const copy = join(stateDir, 'catalogs', copyName(file))
  const start = `${JSON.stringify({program, file, characters: text.length})}\n${text}\n`
  const kept = parseCopy(await readKept(copy), start)
  if (kept) return kept
  const checked = await check(text, file)
  await keep(copy, `${start}${copyOf(checked)}`)
  return checked
}

async function check(text: string, file: string): Promise<Checked> {
  // The schema is heavy, and most users have no catalog of their own.
  const {parseCatalog} = await import('../model/catalog.ts')
  const {catalog, problems} = parseCatalog(parseYamlMap(text, file), file)
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`
  return {catalog, problems: await withPlaces(problems, {text, file}), digest}
}

/** A copy that another text, or another version of this program, left is none. */
function parseCopy(text: string | undefined, start: string): Checked | undefined {
  if (!text?.startsWith(start)) return undefined
  try {
    const {catalog, ...others} = JSON.parse(text.slice(start.length))
    return {...others, catalog: {...catalog, servers: new Map(catalog.servers)}}
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}

function copyOf({catalog, ...others}: Checked): string {
  return JSON.stringify({...others, catalog: {...catalog, servers: [...catalog.servers]}})
}

/** Files whose paths end alike share a copy, and each of them reads only its own. */
function copyName(file: string): string {
  return `${Buffer.from(file).toString('base64url').slice(-200)}.json`
}

/** It is only a copy: where it cannot be written, the next command reads the text again. */
async function keep(copy: string, text: string): Promise<void> {
  try {
    await writeFileAtomic(copy, text)
  } catch (error) {
    if (!(error instanceof PluginError)) throw error
  }
}
