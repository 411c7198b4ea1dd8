import {once} from 'node:events'
import {createServer} from 'node:net'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {parseArgs} from 'node:util'

import {messageOf, PluginError, systemCode} from '../src/lib/base/errors.ts'
import {statePaths} from '../src/lib/files/paths.ts'
import {ensureEngine} from './engine.ts'
import {linkPlugin} from './plugin-link.ts'
import {foreground, report, runMain} from './process.ts'
import {buildSamples} from './samples.ts'

const ROOT = join(import.meta.dirname, '..')
const DEFAULT_PORT = 8811
const EXAMPLE = 'docker mcp tools call echo message=hello'

/**
 * From a fresh checkout to a running gateway with four sample servers.
 * @param args the command line: `--port <number>`
 * @returns the exit code of the step that failed, else the gateway's
 */
async function start(args: readonly string[]): Promise<number> {
  const wanted = portOf(args)
  if (process.platform === 'win32') {
    throw new PluginError('NOT_BUILT', 'docker on Windows runs only .exe files as plugins', {
      hint: 'run npm start inside WSL 2, where this works as on Linux',
    })
  }
  report('start: building')
  const built = await foreground(process.execPath, [join(ROOT, 'scripts', 'build.ts')])
  if (built !== 0) return built
  await ensureEngine(report)
  const {dockerConfigDir} = statePaths({env: process.env})
  const program = join(ROOT, 'bin', 'docker-mcp')
  report(`start: docker mcp is ${await linkPlugin({dockerConfigDir, program})} to ${program}`)
  const samples = await buildSamples(report)
  const names = samples.map(({name}) => name)
  const enabled = await foreground('docker', ['mcp', 'server', 'enable', ...names])
  if (enabled !== 0) return enabled
  return runGateway(await freePort(wanted))
}

async function runGateway(port: number): Promise<number> {
  const options = ['--transport', 'streamable', '--port', String(port)]
  const ended = new AbortController()
  const hint = showExample(port, ended.signal)
  try {
    return await foreground('docker', ['mcp', 'gateway', 'run', ...options])
  } finally {
    ended.abort()
    await hint
  }
}

/** Waits for the gateway to be healthy, for two minutes at most, and then says what to try. */
async function showExample(port: number, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; attempt < 480 && !signal.aborted; attempt += 1) {
    if (await isHealthy(port)) {
      report(`start: ready. In another terminal, try: ${EXAMPLE}`)
      return
    }
    // The end of the gateway ends the waiting.
    await delay(250, undefined, {signal}).catch(() => undefined)
  }
}

async function isHealthy(port: number): Promise<boolean> {
  try {
    const url = `http://127.0.0.1:${port}/health`
    const answer = await fetch(url, {signal: AbortSignal.timeout(1000)})
    await answer.body?.cancel()
    return answer.status === 200
  } catch {
    return false
  }
}

/**
 * Reads `--port`.
 * @throws PluginError USAGE
 */
export function portOf(args: readonly string[]): number {
  const hint = 'usage: npm start -- [--port <number>]'
  const text = parsePort(args, hint)
  const port = Number(text)
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port
  throw new PluginError('USAGE', `--port ${text} is not a port number (1 to 65535)`, {hint})
}

function parsePort(args: readonly string[], hint: string): string {
  try {
    const options = {port: {type: 'string', default: String(DEFAULT_PORT)}} as const
    return parseArgs({args: [...args], options}).values.port
  } catch (error) {
    throw new PluginError('USAGE', messageOf(error), {hint, cause: error})
  }
}

/**
 * The port wanted, or the next one above it that nobody listens on; says so when it is another.
 * @throws PluginError PORT_IN_USE when the next 50 are taken too
 */
export async function freePort(wanted: number): Promise<number> {
  for (let port = wanted; port <= Math.min(wanted + 50, 65_535); port += 1) {
    if (await isFree(port)) {
      if (port !== wanted) report(`start: port ${wanted} is taken, using ${port}`)
      return port
    }
  }
  throw new PluginError('PORT_IN_USE', `port ${wanted} and the 50 after it are taken`, {
    hint: 'choose another: npm start -- --port <number>',
  })
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return true
  } catch (error) {
    if (systemCode(error) === 'EADDRINUSE') return false
    throw error
  } finally {
    server.close()
  }
}

if (import.meta.main) await runMain(async () => start(process.argv.slice(2)))
