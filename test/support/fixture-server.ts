import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {join} from 'node:path'
import {createInterface} from 'node:readline'

const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'mcp-server')

/** A fixture server that listens on this machine. Disposing of it ends it. */
export interface FixtureServer extends AsyncDisposable {
  readonly url: string
}

/**
 * Starts a server of test/fixtures/mcp-server over streamable HTTP.
 * @param name of its file, without the ending
 */
export async function startFixtureServer(name: string): Promise<FixtureServer> {
  const args = [join(FIXTURES, `${name}.mjs`), 'http']
  const child = spawn(process.execPath, args, {stdio: ['ignore', 'pipe', 'inherit']})
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
