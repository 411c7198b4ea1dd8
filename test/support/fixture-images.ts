import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {build} from 'esbuild'
import type {JsonObject} from '../../src/lib/base/json.ts'
import {importFixture} from '../../scripts/samples.ts'

/** The servers in test/fixtures/servers, by what they do, and those of test/fixtures/mcp-server. */
export type Fixture = OfOneFile | OfParts
type OfOneFile =
  | 'counts-calls'
  | 'crashes-on-call'
  | 'eats-memory'
  | 'exits-at-once'
  | 'floods-stderr'
  | 'http-counts'
  | 'http-crashes-on-call'
  | 'http-sse-counts'
  | 'ignores-eof'
  | 'leaks-secrets'
  | 'misbehaves'
  | 'prints-junk'
  | 'reaches-out'
  | 'runs-once'
  | 'same-names'
  | 'shows-environment'
  | 'waits-on-call'
type OfParts = 'conformance' | 'lab'

/** A server of a catalog: one of the fixtures, and any members of a catalog entry besides its image. */
export type FixtureEntry = JsonObject & {readonly fixture: Fixture}

/** A catalog file with fixture servers in it, for `--catalog`. Disposing of it removes the file, not the images. */
export interface FixtureCatalog extends AsyncDisposable {
  /** Absolute path. */
  readonly file: string
  /** Images by server name. */
  readonly images: ReadonlyMap<string, string>
}

const FIXTURES = join(import.meta.dirname, '..', 'fixtures')
const OF_PARTS: ReadonlySet<string> = new Set<OfParts>(['conformance', 'lab'])
const images = new Map<Fixture, Promise<string>>()

/**
 * The image of a fixture server, built when the engine has none of the present source. It stays on the engine for
 * the next run.
 * @returns `localhost/docker-mcp-test/<name>:latest`
 */
export function fixtureImage(name: Fixture): Promise<string> {
  const image = images.get(name) ?? makeImage(name)
  images.set(name, image)
  return image
}

/** An image has one file of ours in it: what imports others is bundled with them first. */
async function makeImage(name: Fixture): Promise<string> {
  if (!OF_PARTS.has(name)) return importFixture(name, join(FIXTURES, 'servers', `${name}.mjs`))
  const folder = await mkdtemp(join(tmpdir(), 'fixture-bundle-'))
  const outfile = join(folder, 'server.mjs')
  const entryPoints = [join(FIXTURES, 'mcp-server', `${name}.mjs`)]
  try {
    await build({entryPoints, outfile, bundle: true, platform: 'node', format: 'esm'})
    return await importFixture(name, outfile)
  } finally {
    await rm(folder, {recursive: true})
  }
}

/**
 * Makes a catalog of fixture servers without network.
 * @param servers fixtures that are called what they are, or entries by server name: tests that look at the engine by
 *   server name need names that no other test has
 */
export async function fixtureCatalog(
  servers: readonly Fixture[] | Readonly<Record<string, FixtureEntry>>,
): Promise<FixtureCatalog> {
  const entries = isList(servers)
    ? servers.map((fixture): [string, FixtureEntry] => [fixture, {fixture}])
    : Object.entries(servers)
  const built = await Promise.all(
    entries.map(async ([name, {fixture, ...members}]) => {
      const image = await fixtureImage(fixture)
      return {name, image, entry: {type: 'server', disableNetwork: true, ...members, image}}
    }),
  )
  const registry = Object.fromEntries(built.map(({name, entry}) => [name, entry]))
  const folder = await mkdtemp(join(tmpdir(), 'fixture-catalog-'))
  const file = join(folder, 'fixtures.yaml')
  // JSON is YAML, too.
  await writeFile(file, JSON.stringify({version: 3, name: 'fixtures', registry}, null, 2))
  return {
    file,
    images: new Map(built.map(({name, image}) => [name, image])),
    [Symbol.asyncDispose]: () => rm(folder, {recursive: true}),
  }
}

function isList(
  servers: readonly Fixture[] | Readonly<Record<string, FixtureEntry>>,
): servers is readonly Fixture[] {
  return Array.isArray(servers)
}
