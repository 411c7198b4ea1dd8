import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {join} from 'node:path'
import {createInterface} from 'node:readline'

const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'mcp-server')

/** A fixture server that listens on this machine. Disposing of it ends it. */
export interface FixtureServer extends AsyncDisposable {
  readonly url: string
}

/** Which revisions a fixture server speaks: those with a handshake, the one without (2026-07-28), or all. */
export type FixtureEra = 'legacy' | 'modern' | 'both'

/**
 * Starts a server of test/fixtures/mcp-server over streamable HTTP.
 * @param name of its file, without the ending
 * @param era for `conformance`, which has both; `lab` has the legacy one
 * @param port 0: any that is free
 */
export async function startFixtureServer(
  name: string,
  era: FixtureEra = 'both',
  port = 0,
): Promise<FixtureServer> {
  const args = [join(FIXTURES, `${name}.mjs`), 'http', String(port)]
  const env = {...process.env, MCP_FIXTURE_ERA: era}
  const child = spawn(process.execPath, args, {env, stdio: ['ignore', 'pipe', 'inherit']})
  const exit = once(child, 'exit')
  const end = async () => {
    child.kill()
    await exit
  }
  const lines = createInterface({input: child.stdout})
  const [line] = await Promise.race([once(lines, 'line'), exit.then(() => [undefined])])
  const url = /^listening (\S+)$/.exec(String(line))?.[1]
  if (url !== undefined) return {url, [Symbol.asyncDispose]: end}
  await end()
  throw new Error(`${name} did not say where it listens, but ${String(line)}`)
}
